import { httpApi } from '../kernel/http';
import { getClock, moveClock } from './clock';
import { OperationsContract } from './contract';
import { changeDeadLetter, discardDeadLetter, getDeadLetter, listDeadLetters, putBackDeadLetter } from './dead-letters';
import { getMetrics } from './metrics';
import { listNeighbours } from './neighbours';
import { putBackDeadLetters } from './put-back';
import { listQueues } from './queues';
import { changeSchedule, getSchedule, listSchedules, runSchedule } from './schedules';
import { search } from './search';
import { listStreams } from './streams';
import { getTaskSummary } from './task-summary';

export const handler = httpApi(OperationsContract, {
  listQueues,
  listStreams,
  listDeadLetters,
  getDeadLetter,
  changeDeadLetter,
  putBackDeadLetter,
  putBackDeadLetters,
  discardDeadLetter,
  listSchedules,
  getSchedule,
  changeSchedule,
  runSchedule,
  listNeighbours,
  getTaskSummary,
  search,
  getClock,
  moveClock,
  getMetrics,
});
