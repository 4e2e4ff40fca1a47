import { syncClock } from '../kernel/clock';
import { sendDailyReport } from './daily-report';

export const handler = async () => {
  await syncClock();
  return sendDailyReport();
};
