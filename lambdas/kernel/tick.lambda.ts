import type { Context } from 'aws-lambda';
import { tick } from './timer';

export const handler = (_event: unknown, context: Context) => tick(() => context.getRemainingTimeInMillis());
