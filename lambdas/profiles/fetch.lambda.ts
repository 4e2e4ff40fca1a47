import type { Context } from 'aws-lambda';
import { syncClock } from '../kernel/clock';
import { env } from '../kernel/env';
import { setLogContext } from '../kernel/log';
import { runBySchedule } from './schedule';
import { Resource } from './schema';

export const handler = async (_event: unknown, context: Context): Promise<void> => {
  setLogContext({ request_id: context.awsRequestId });
  await syncClock();
  await runBySchedule(Resource.parse(env('RESOURCE')), () => context.getRemainingTimeInMillis());
};
