import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import type { Handler } from '../kernel/http';
import { table } from '../kernel/table';
import type { Operations } from './contract';
import { DELAYS } from './deliveries';
import { Delivery } from './delivery-schema';
import { orderKey, ownOrder, type StoredOrder } from './orders';
import { StoredTaskResult, Task, type TimelineEvent } from './schema';
import { Superseded } from './status-update';
import { taskKey } from './tasks';

const records = table();

/** Late results shown of one order. */
const SUPERSEDED_MOST = 50;

type Detail = Record<string, unknown>;
const happened = (
  at: string | null,
  event: TimelineEvent['event'],
  text: string,
  detail: Detail = {},
): TimelineEvent[] => (at ? [{ at, event, text, detail }] : []);

function ofOrder({ created_at, order_key, history }: StoredOrder): TimelineEvent[] {
  return [
    ...happened(created_at, 'stored', `the order was stored as ${order_key}`),
    ...history.flatMap(({ at, status, sequence, by, task_id }) =>
      happened(at, 'status', `the order is ${status}`, { status, sequence, by, task_id }),
    ),
  ];
}

/** When messages for a task were queued after its first: whatever was queued since the attempt before began. */
const queuedAgain = (attempts: Task['attempts']): TimelineEvent[] =>
  attempts.flatMap(({ queued_at }, index) => {
    const before = attempts[index - 1];
    return before && queued_at && queued_at > before.started_at
      ? happened(queued_at, 'queued', 'the task was queued again')
      : [];
  });

function ofTask({ state, attempts, queued_at, ended_at, result, error }: Task): TimelineEvent[] {
  return [
    ...happened(queued_at, 'queued', 'the task was queued'),
    ...queuedAgain(attempts),
    ...attempts.flatMap(({ number, started_at, ended_at: until, error: reason }) =>
      happened(started_at, 'attempt', `attempt ${number} ${reason ?? (until ? 'succeeded' : 'began')}`, {
        number,
        ended_at: until,
        error: reason,
      }),
    ),
    ...happened(ended_at, 'task', `the task is ${state}`, { state, result, error }),
  ];
}

const ofResult = ({ received_at, state, result, error }: StoredTaskResult): TimelineEvent[] =>
  happened(received_at, 'result', `the producer got the result of the task: ${state}`, { state, result, error });

function ofDelivery({ id, url, status, attempts, updated_at, next_attempt_at }: Delivery): TimelineEvent[] {
  const over = status === 'pending' ? null : updated_at;
  return [
    ...attempts.flatMap(({ number, at, ms, status_code, error }) =>
      happened(at, 'delivery_attempt', `delivery, attempt ${number}: ${status_code ?? error}`, {
        number,
        ms,
        status_code,
        error,
      }),
    ),
    ...happened(over, 'delivery', `the delivery is ${status}`, { id, url, status, next_attempt_at }),
  ];
}

const ofSuperseded = ({ at, status, sequence, task_id }: z.output<typeof Superseded>): TimelineEvent[] =>
  happened(at, 'superseded', `a result came too late to make the order ${status}`, { status, sequence, task_id });

/** Why an order is not done yet; null when it is. */
function waitingFor(
  { status, sequence }: StoredOrder,
  task: Task | undefined,
  deleted: boolean,
  delivery: Delivery | undefined,
): string | null {
  if (status !== 'pending') return null;
  if (sequence > 0) return 'its status was set back by hand: the result of its task no longer counts';
  if (deleted) return 'its task was deleted: no result will come';
  // an order of before this version has no task until a worker takes its message
  if (!task || (task.state === 'PENDING' && !task.attempts.length))
    return 'its task has not been taken from the queue yet';
  const lastError = task.attempts.at(-1)?.error;
  if (task.state === 'PENDING') return 'its task is queued again';
  if (task.state === 'STARTED') return `its task is worked on since ${task.started_at}`;
  if (task.state === 'RETRY') return `its task failed and will be tried again: ${lastError}`;
  if (task.state === 'FAILURE') return `its task failed for good, until an operator retries it: ${lastError}`;
  if (task.state === 'REVOKED') return 'its task was revoked, until an operator retries it';
  if (!delivery) return 'the delivery of its result is missing';
  const { attempts, tries, next_attempt_at } = delivery;
  const last = attempts.at(-1);
  const reason = last ? (last.error ?? `it answered ${last.status_code}`) : '';
  if (delivery.status === 'exhausted')
    return `its result could not be delivered, until an operator replays it: ${reason}`;
  if (delivery.status === 'disabled') return `its receiver wants no more results: ${reason}`;
  if (delivery.status === 'delivered') return 'its result was delivered and is about to count';
  if (!tries) return 'its result is about to be delivered';
  const late = (next_attempt_at ?? '') < timestamp() ? 'is overdue since' : 'is at';
  return `delivery failed ${tries} of ${DELAYS.length + 1} times, the next attempt ${late} ${next_attempt_at}: ${reason}`;
}

/**
 * The whole chain of an order. Three reads: the order, what came too late for it (at most 50), and its task's partition
 * (at most three items).
 */
export const getTimeline: Handler<Operations['getTimeline']> = async ({ params, principal }) => {
  const order = await ownOrder(params.uuid, principal);
  const [late, chain] = await Promise.all([
    records.query(Superseded, { partition: orderKey(order.uuid).pk, prefix: 'SUPERSEDED#', limit: SUPERSEDED_MOST }),
    records.query(z.looseObject({ sk: z.string() }), { partition: taskKey(order.task_id).pk, limit: 10 }),
  ]);
  const part = <S extends z.ZodType>(sk: string, schema: S): z.output<S> | undefined => {
    const item = chain.items.find((one) => one.sk === sk);
    return item && !('deleted_at' in item) ? schema.parse(item) : undefined;
  };
  const task = part('TASK', Task);
  const deleted = !task && chain.items.some(({ sk }) => sk === taskKey(order.task_id).sk);
  const result = part('RESULT', StoredTaskResult);
  const delivery = part('DELIVERY', Delivery);
  const events = [
    ...ofOrder(order),
    ...(task ? ofTask(task) : []),
    ...(result ? ofResult(result) : []),
    ...(delivery ? ofDelivery(delivery) : []),
    ...late.items.flatMap(ofSuperseded),
  ].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const { uuid, order_key, status, sequence, task_id } = order;
  return {
    uuid,
    order_key,
    status,
    sequence,
    task_id,
    events,
    waiting_for: waitingFor(order, task, deleted, delivery),
  };
};
