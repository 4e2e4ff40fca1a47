import * as z from 'zod';
import { type Access, contract } from '../kernel/contract';
import { Page } from '../kernel/schema';
import {
  Clock,
  ClockChange,
  DeadLetter,
  LetterChange,
  LetterPath,
  LetterQuery,
  NeighbourState,
  PutBackByFilter,
  PutBackReport,
  QueueState,
  ScheduleChange,
  SchedulePath,
  ScheduleRun,
  ScheduleState,
  SearchQuery,
  SearchResult,
  StreamState,
  TaskSummary,
  TaskSummaryQuery,
} from './schema';

const OPS = '/api/ops/';
const LETTERS = `${OPS}dead-letters/`;
const SCHEDULES = `${OPS}schedules/`;

const operator: Access = { roles: ['operator'] };
const scraper: Access = { roles: ['operator'], scopes: ['metrics:read'] };

const CHANGED = 'it was changed since the `If-Match` given was read';
const ENDED = 'it was put back or thrown away before, or its kind does not allow it';

export const OperationsContract = contract({
  listQueues: {
    method: 'GET',
    path: `${OPS}queues/`,
    summary: 'Every lane: what waits, is worked on, is put off, is dead',
    access: operator,
    status: 200,
    returns: z.object({ results: z.array(QueueState) }),
  },
  listStreams: {
    method: 'GET',
    path: `${OPS}streams/`,
    summary: 'Every stream: how far its reader is behind',
    access: operator,
    status: 200,
    returns: z.object({ results: z.array(StreamState) }),
  },

  listDeadLetters: {
    method: 'GET',
    path: LETTERS,
    summary: 'Dead letters of every lane, newest first',
    description:
      'Messages that no worker could work on, records that were set aside, and webhook deliveries whose attempts are used up.',
    access: operator,
    query: LetterQuery,
    status: 200,
    returns: Page(DeadLetter),
  },
  getDeadLetter: {
    method: 'GET',
    path: `${LETTERS}{id}/`,
    summary: 'One dead letter',
    access: operator,
    params: LetterPath,
    status: 200,
    returns: DeadLetter,
  },
  changeDeadLetter: {
    method: 'PATCH',
    path: `${LETTERS}{id}/`,
    summary: 'Edit what will be put back',
    description:
      'An edit is kept until then, so one of the profiles may hold no card numbers and secrets: `/api/profiles/set-aside/{id}/retry/` takes those, and protects them first.',
    access: operator,
    params: LetterPath,
    body: LetterChange,
    changes: ['dead_letter', 'id'],
    status: 200,
    returns: DeadLetter,
    refuses: { 409: ENDED, 412: CHANGED },
  },
  putBackDeadLetter: {
    method: 'POST',
    path: `${LETTERS}{id}/put-back/`,
    summary: 'Put a dead letter back on its way',
    description: 'Once: a letter that was put back stays so, whatever becomes of it then.',
    access: operator,
    params: LetterPath,
    changes: ['dead_letter', 'id'],
    status: 202,
    returns: DeadLetter,
    refuses: { 409: ENDED, 422: 'what is put back does not have the shape that its lane takes' },
  },
  putBackDeadLetters: {
    method: 'POST',
    path: `${LETTERS}put-back/`,
    summary: 'Put dead letters back by filter, a piece at a time',
    description:
      'A dry run says how many it would be. Goes on with the `cursor` of the answer until that is null; safe to repeat, since each letter goes back once.',
    access: operator,
    body: PutBackByFilter,
    changes: ['dead_letter', 'id'],
    status: 200,
    returns: PutBackReport,
  },
  discardDeadLetter: {
    method: 'DELETE',
    path: `${LETTERS}{id}/`,
    summary: 'Throw a dead letter away',
    access: operator,
    params: LetterPath,
    changes: ['dead_letter', 'id'],
    status: 204,
    refuses: { 409: ENDED, 412: CHANGED },
  },

  listSchedules: {
    method: 'GET',
    path: SCHEDULES,
    summary: 'Schedules with their last and next run',
    access: operator,
    status: 200,
    returns: z.object({ results: z.array(ScheduleState) }),
  },
  getSchedule: {
    method: 'GET',
    path: `${SCHEDULES}{name}/`,
    summary: 'One schedule',
    access: operator,
    params: SchedulePath,
    status: 200,
    returns: ScheduleState,
  },
  changeSchedule: {
    method: 'PATCH',
    path: `${SCHEDULES}{name}/`,
    summary: 'Switch a schedule on or off',
    description: 'The choice outlives a deployment: a minute after one, the schedule is again as it was switched.',
    access: operator,
    params: SchedulePath,
    body: ScheduleChange,
    changes: ['schedule', 'name'],
    status: 200,
    returns: ScheduleState,
    refuses: { 409: 'it cannot be switched off', 412: CHANGED },
  },
  runSchedule: {
    method: 'POST',
    path: `${SCHEDULES}{name}/run/`,
    summary: 'Run now what a schedule runs, whether it is on or off',
    access: operator,
    params: SchedulePath,
    changes: ['schedule', 'name'],
    status: 202,
    returns: ScheduleRun,
  },

  listNeighbours: {
    method: 'GET',
    path: `${OPS}neighbours/`,
    summary: 'How the outside services do',
    access: operator,
    status: 200,
    returns: z.object({ results: z.array(NeighbourState) }),
  },
  getTaskSummary: {
    method: 'GET',
    path: `${OPS}tasks/summary/`,
    summary: 'Tasks by state, how many end, and how long they take',
    access: operator,
    query: TaskSummaryQuery,
    status: 200,
    returns: TaskSummary,
  },
  search: {
    method: 'GET',
    path: `${OPS}search/`,
    summary: 'Find anything by its id, and why it is not done yet',
    access: operator,
    query: SearchQuery,
    status: 200,
    returns: SearchResult,
  },

  getClock: {
    method: 'GET',
    path: `${OPS}clock/`,
    summary: "The product's time",
    access: operator,
    status: 200,
    returns: Clock,
  },
  moveClock: {
    method: 'PUT',
    path: `${OPS}clock/`,
    summary: 'Move the time of a local stage',
    description: 'Everything follows within a second; what fell due meanwhile happens within a minute.',
    access: operator,
    body: ClockChange,
    changes: ['clock', 'pk'],
    status: 200,
    returns: Clock,
    refuses: { 403: 'the clock of this stage cannot be moved', 412: CHANGED },
  },

  getMetrics: {
    method: 'GET',
    path: '/metrics/',
    summary: 'Counters for a scraper, as OpenMetrics',
    description: 'Names and meanings: docs/metrics.md.',
    access: scraper,
    produces: 'application/openmetrics-text; version=1.0.0',
    status: 200,
    returns: z.string(),
  },
});

export type Operations = typeof OperationsContract;
