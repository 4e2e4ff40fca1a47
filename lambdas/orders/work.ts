import { type Receipt, TryLater } from '../kernel/batch';
import { timestamp } from '../kernel/clock';
import { commit, commitIf } from '../kernel/commit';
import type { Condition } from '../kernel/expression';
import type { Handler } from '../kernel/http';
import { log } from '../kernel/log';
import type { Outgoing } from '../kernel/outbox';
import { table, type Write } from '../kernel/table';
import { untilWritten } from '../kernel/until-written';
import type { Operations } from './contract';
import { newDelivery } from './deliveries';
import { type QueuedTask, Task, type TaskAttempt, type TaskMessage } from './schema';
import { ended, findTask, isAtWork, taskIndexes, taskKey, taskOfMessage, WORKING_SECONDS } from './tasks';

const tasks = table();

/** Attempts kept with a task: twenty rounds of an operator's retries. */
const KEPT = 100;

const compute = ({ currency, order_key, status }: TaskMessage): string => `${currency}${order_key}${status}`;

const begin = (
  attempts: TaskAttempt[],
  attempt: Pick<TaskAttempt, 'number' | 'queued_at' | 'started_at'>,
): TaskAttempt[] => [...attempts, { ...attempt, ended_at: null, error: null }].slice(-KEPT);

/** The attempts with the one that is under way ended. */
const end = (attempts: TaskAttempt[], ended_at: string, error: string | null): TaskAttempt[] =>
  attempts.map((attempt) => (attempt.ended_at === null ? { ...attempt, ended_at, error } : attempt));

/**
 * Notes that an attempt begins. One write; a read and a write more when it is not the first.
 * @returns all attempts, undefined when there is nothing to do (any more)
 */
async function start(
  message: QueuedTask,
  { receiveCount, sentAt: queued_at }: Receipt,
  started_at: string,
): Promise<TaskAttempt[] | undefined> {
  const note = (attempts: TaskAttempt[], when: Condition): Write => {
    const attempt = attempts.at(-1)?.number;
    const set = { ...message, state: 'STARTED', attempt, attempts, started_at, ended_at: undefined };
    const change = { set: { ...set, ...taskIndexes(message, 'STARTED') }, setOnce: { queued_at } };
    return tasks.update(taskKey(message.task_id), change, when);
  };
  const first = begin([], { number: 1, queued_at, started_at });
  const { edits } = message;
  const isFirst = await commitIf({
    writes: [note(first, { equals: { attempt: undefined, ended_at: undefined, edits } })],
  });
  if (isFirst) return first;

  return untilWritten(async () => {
    const task = await findTask(message.task_id);
    if (!task || task === 'gone' || task.edits !== edits) return undefined;
    if (task.state === 'SUCCESS' || task.state === 'REVOKED') return undefined;
    // the answer to this very note was lost, and the SDK repeated it
    if (task.state === 'STARTED' && task.started_at === started_at) return task.attempts;
    if (receiveCount === 1 && isAtWork(task, started_at)) {
      throw new TryLater('another worker has this task', WORKING_SECONDS);
    }
    const { state, attempt, attempts } = task;
    const before = end(attempts, started_at, 'the worker ended without a word');
    const all = begin(before, { number: (attempt ?? 0) + 1, queued_at, started_at });
    await commit({ writes: [note(all, { equals: { state, attempt, edits } })] });
    return all;
  });
}

/** What a task's success is, apart from where it is stored: the delivery of its result and who is told. */
function success(message: TaskMessage, attempts: TaskAttempt[]) {
  const ended_at = timestamp();
  const result = compute(message);
  const state = 'SUCCESS' as const;
  const { write: delivery, first } = newDelivery(message, result, ended_at);
  const started_at = attempts.at(-1)?.started_at;
  const detail = ended(message, state, ended_at, { result, started_at });
  const emit: Outgoing[] = [first, { event: 'TaskSucceeded', detail }];
  const set = { state, result, ended_at, attempts: end(attempts, ended_at, null), ...taskIndexes(message, state) };
  return { set, delivery, emit };
}

const ACCOUNTS = /arn:\S+/g;

/** Why an attempt failed, for people, the owner of an order among them: without stack and names of resources. */
const reasonOf = (error: unknown): string =>
  (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).replace(ACCOUNTS, '…').slice(0, 300);

interface Failure {
  queued_at: string;
  started_at: string;
  /** The number of the attempt, if it is known to have begun. */
  mine: number | undefined;
  /** For good. */
  last: boolean;
  cause: unknown;
}

/** Notes that an attempt failed. What another worker has in its hands is left to that one. */
async function fail(message: QueuedTask, { queued_at, started_at, mine, last, cause }: Failure): Promise<void> {
  const task = await findTask(message.task_id);
  if (task === 'gone' || task?.state === 'SUCCESS' || task?.state === 'REVOKED') return;
  if (task && task.edits !== message.edits) return;
  if (mine !== undefined && task?.attempt !== mine) return;
  const at = timestamp();
  if (task && task.started_at !== started_at && isAtWork(task, at)) return;
  const error = reasonOf(cause);
  const before = task?.attempts ?? [];
  const open = before.at(-1)?.ended_at === null;
  const attempts = end(
    open ? before : begin(before, { number: (task?.attempt ?? 0) + 1, queued_at, started_at: at }),
    at,
    error,
  );
  const state = last ? 'FAILURE' : 'RETRY';
  const { number, started_at: began } = attempts.at(-1) ?? {};
  const set = { ...message, state, attempt: number, attempts, error, ended_at: last ? at : undefined };
  const { state: stateBefore, attempt } = task ?? {};
  await commitIf({
    writes: [
      tasks.update(
        taskKey(message.task_id),
        { set: { ...set, ...taskIndexes(message, state) }, setOnce: { queued_at } },
        { equals: { state: stateBefore, attempt, edits: message.edits } },
      ),
    ],
    emit: last ? [{ event: 'TaskFailed', detail: ended(message, state, at, { error, started_at: began }) }] : [],
  });
}

/**
 * Works on a task: notes the attempt, computes the result, and stores it together with its delivery and the word to the
 * producer. Two writes, the second a transaction of three items. A copy of a message whose task has succeeded, was
 * revoked or deleted changes nothing; one of a task that failed for good starts it again: so a dead letter can be put back.
 */
export async function work(message: QueuedTask, receipt: Receipt): Promise<void> {
  const started_at = timestamp();
  let attempts: TaskAttempt[] | undefined;
  try {
    attempts = await start(message, receipt, started_at);
    if (!attempts) return;
    const { set, delivery, emit } = success(message, attempts);
    const write = tasks.update(
      taskKey(message.task_id),
      { set: { ...set, error: undefined } },
      { equals: { state: 'STARTED', attempt: attempts.at(-1)?.number } },
    );
    await commitIf({ writes: [write, delivery], emit });
  } catch (error) {
    if (!(error instanceof TryLater)) {
      const { sentAt: queued_at, last } = receipt;
      const failure = { queued_at, started_at, mine: attempts?.at(-1)?.number, last, cause: error };
      await fail(message, failure).catch((second: unknown) =>
        log('error', 'a failed attempt was not noted', { task_id: message.task_id, error: second }),
      );
    }
    throw error;
  }
}

/** Works on a message while its sender waits. One transaction. */
export const processMessage: Handler<Operations['processMessage']> = async ({ body, principal, idempotency }) => {
  const message = taskOfMessage(body, principal.id);
  const attempts = begin([], { number: 1, queued_at: null, started_at: message.created_at });
  const { set, delivery, emit } = success(message, attempts);
  const item = { ...message, ...set, attempt: 1, started_at: message.created_at };
  const task = Task.parse(item);
  await commit({
    writes: [tasks.put({ ...item, ...taskKey(message.task_id) }, { exists: false }), delivery],
    emit,
    idempotency: idempotency?.remember({ status: 200, body: task, headers: {} }),
  });
  return task;
};
