import { syncClock } from '../kernel/clock';
import { log } from '../kernel/log';
import { keepSchedules } from './schedules';

/** What is done each minute: schedules are as operators switched them, whatever a deployment did to their rules. */
export async function keep(): Promise<void> {
  await syncClock();
  log('info', 'keep', { switched: await keepSchedules() });
}
