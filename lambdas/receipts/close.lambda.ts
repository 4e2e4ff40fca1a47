import type { Context } from 'aws-lambda';
import { syncClock } from '../kernel/clock';
import { closeHours } from './closing';

export const handler = async (_: unknown, context: Context): Promise<void> => {
  await syncClock();
  await closeHours(() => context.getRemainingTimeInMillis());
};
