import { syncClock } from '../kernel/clock';
import { reviveRuns } from './run';

export const handler = async () => {
  await syncClock();
  return reviveRuns();
};
