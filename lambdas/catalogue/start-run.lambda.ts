import { syncClock } from '../kernel/clock';
import { beginRun } from './runs';

export const handler = async () => {
  await syncClock();
  return beginRun();
};
