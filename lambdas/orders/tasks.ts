import * as z from 'zod';
import { expiry, secondsAfter, timestamp } from '../kernel/clock';
import { commit, commitIf } from '../kernel/commit';
import { type Handler, Reply } from '../kernel/http';
import { newId, shardOf, shards } from '../kernel/id';
import type { Idempotency } from '../kernel/idempotency';
import type { Outgoing } from '../kernel/outbox';
import { mergedPage } from '../kernel/page';
import { conflict, notFound } from '../kernel/problem';
import { type Key, table, type Write } from '../kernel/table';
import { untilWritten } from '../kernel/until-written';
import type { Operations } from './contract';
import { type NewMessage, type QueuedTask, Task, type TaskEnd, TaskMessage, TaskName, type TaskState } from './schema';

const tasks = table();

/** The task with what only this context sees: the number of its last attempt, how often it was changed by hand. */
const StoredTask = Task.extend({ attempt: z.number().optional(), edits: z.number().optional() });
export type StoredTask = z.output<typeof StoredTask>;

/** What a deleted task leaves behind, so that a late copy of its message does not bring it back. */
const Tombstone = z.object({ deleted_at: z.string() });
const TOMBSTONE_SECONDS = 30 * 24 * 3_600;

export const taskKey = (task_id: string): Key => ({ pk: `TASK#${task_id}`, sk: 'TASK' });

/** By name, and by name and state: the list of all is that of all names. */
export const taskIndexes = ({ task_id, name }: TaskMessage, state: TaskState) => ({
  gsi1pk: shardOf(`TASKS#${name}`, task_id),
  gsi1sk: task_id,
  gsi3pk: shardOf(`TASKS#${name}#${state}`, task_id),
  gsi3sk: task_id,
});

/** The task, `gone` when it was deleted, undefined when it never was. */
export async function findTask(task_id: string): Promise<StoredTask | 'gone' | undefined> {
  const found = await tasks.find(z.union([StoredTask, Tombstone]), taskKey(task_id));
  return found && 'deleted_at' in found ? 'gone' : found;
}

/**
 * How long a task is left to the worker that has begun it: as long as its message stays hidden from others, six times as
 * long as the worker may take.
 */
export const WORKING_SECONDS = 60;

/** Whether some worker may still have a task in its hands. */
export const isAtWork = ({ state, started_at }: Task, at: string): boolean =>
  state === 'STARTED' && (started_at ?? '') > secondsAfter(at, -WORKING_SECONDS);

async function taskOf(task_id: string): Promise<StoredTask> {
  const task = await findTask(task_id);
  if (!task || task === 'gone') throw notFound('task');
  return task;
}

/** What the producer is told of a task's end. */
export const ended = (
  message: TaskMessage,
  state: TaskState,
  ended_at: string,
  {
    result = null,
    error = null,
    started_at = null,
  }: { result?: string | null; error?: string | null; started_at?: string | null | undefined } = {},
): TaskEnd => {
  const { task_id, order, order_key, sequence, name, created_at } = message;
  return { task_id, order, order_key, state, result, error, sequence, ended_at, name, created_at, started_at };
};

/** The work of a message that a caller sent. */
export const taskOfMessage = (body: z.output<typeof NewMessage>, owner: string): TaskMessage => ({
  ...body,
  task_id: newId(),
  name: 'process_message',
  owner,
  order: null,
  sequence: 1,
  created_at: timestamp(),
});

/** The write of a task that waits for a worker. */
export const newTask = (message: TaskMessage): Write =>
  tasks.put(
    { ...message, ...taskKey(message.task_id), state: 'PENDING', ...taskIndexes(message, 'PENDING') },
    { exists: false },
  );

/** Stores a task that waits, and has it queued. */
async function request(message: TaskMessage, idempotency: Idempotency | undefined): Promise<void> {
  await commit({
    writes: [newTask(message)],
    emit: [{ event: 'TaskRequested', detail: message }],
    idempotency,
  });
}

export const sendMessage: Handler<Operations['sendMessage']> = async ({ body, principal, idempotency }) => {
  const message = taskOfMessage(body, principal.id);
  const answer = { task_id: message.task_id };
  await request(message, idempotency?.remember({ status: 202, body: answer, headers: {} }));
  return answer;
};

export const addTask: Handler<Operations['addTask']> = async ({ body, principal, idempotency }) => {
  const message = taskOfMessage(body, principal.id);
  const task = Task.parse({ ...message, state: 'PENDING' });
  const headers = { location: `/api/v1/consumer/tasks/${message.task_id}/` };
  await request(message, idempotency?.remember({ status: 201, body: task, headers }));
  return new Reply(task, { headers });
};

/** Newest first; of all names and states unless told. */
export const listTasks: Handler<Operations['listTasks']> = (call) => {
  const { name, state } = call.query;
  const kinds = (name ? [name] : TaskName.options).map((one) => (state ? `TASKS#${one}#${state}` : `TASKS#${one}`));
  return mergedPage(tasks, Task, call, {
    index: state ? 'gsi3' : 'gsi1',
    partitions: kinds.flatMap(shards),
    sortKey: ({ task_id }: Task) => task_id,
  });
};

export const getTask: Handler<Operations['getTask']> = ({ params }) => taskOf(params.task_id);

const refuse = ({ state }: StoredTask, what: string) =>
  conflict(`a task that is ${state} cannot be ${what}`, 'task-state');

const MOVED_ON = 'the task has just moved on, look again';

/** A write of an item that is still as it was read. */
const unchanged = ({ state, attempt, edits }: StoredTask) => ({ equals: { state, attempt, edits } });

interface Edit {
  params: { task_id: string };
  body: { [field in keyof z.output<typeof NewMessage>]?: string | undefined };
  requireMatch: (current: unknown) => void;
}

/** The message for a task as it is after one more change by hand; it makes all earlier ones void. */
const requeue = (task: StoredTask): Outgoing => {
  const message: QueuedTask = { ...TaskMessage.parse(task), edits: (task.edits ?? 0) + 1 };
  return { queue: 'ORDERS_TASKS', message };
};

const waits = ({ state }: StoredTask): boolean => state === 'PENDING' || state === 'RETRY';
const failed = ({ state }: StoredTask): boolean => state === 'FAILURE' || state === 'REVOKED';

/** Reads, checks and writes; again when the task has moved on in between. @throws Problem 404, 409, 412, 503 */
const edit = ({ params, body, requireMatch }: Edit): Promise<Task> =>
  untilWritten(async () => {
    const task = await taskOf(params.task_id);
    requireMatch(Task.parse(task));
    if (task.name === 'process_order') throw conflict('the task of an order follows its order');
    if (!waits(task) && !failed(task)) throw refuse(task, 'changed');
    const set = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
    const next = { ...task, ...set };
    const write = tasks.update(taskKey(task.task_id), { set, add: { edits: 1 } }, unchanged(task));
    await commit({ writes: [write], emit: waits(task) ? [requeue(next)] : [] });
    return next;
  });

export const replaceTask: Handler<Operations['replaceTask']> = edit;
export const changeTask: Handler<Operations['changeTask']> = edit;

/** Leaves a tombstone for 30 days: a task that had not ended is not worked on any more. */
export const removeTask: Handler<Operations['removeTask']> = ({ params, requireMatch }) =>
  untilWritten(async () => {
    const task = await taskOf(params.task_id);
    requireMatch(Task.parse(task));
    const at = timestamp();
    const tombstone = { ...taskKey(task.task_id), deleted_at: at, ended_at: at, expires_at: expiry(TOMBSTONE_SECONDS) };
    await commit({ writes: [tasks.put(tombstone, unchanged(task))] });
    return undefined;
  });

async function move(
  task: StoredTask,
  change: { state: TaskState; ended_at: string | undefined },
  emit: Outgoing[],
  status: number,
  idempotency: Idempotency | undefined,
): Promise<Task> {
  const next = Task.parse({ ...task, ...change });
  const moved = await commitIf({
    writes: [
      tasks.update(
        taskKey(task.task_id),
        { set: { ...change, ...taskIndexes(task, change.state) }, add: { edits: 1 } },
        unchanged(task),
      ),
    ],
    emit,
    idempotency: idempotency?.remember({ status, body: next, headers: {} }),
  });
  if (!moved) throw conflict(MOVED_ON);
  return next;
}

export const retryTask: Handler<Operations['retryTask']> = async ({ params, idempotency }) => {
  const task = await taskOf(params.task_id);
  const isLeft = task.state === 'STARTED' && !isAtWork(task, timestamp());
  if (!failed(task) && !isLeft) throw refuse(task, 'retried');
  return move(task, { state: 'PENDING', ended_at: undefined }, [requeue(task)], 202, idempotency);
};

export const revokeTask: Handler<Operations['revokeTask']> = async ({ params, idempotency }) => {
  const task = await taskOf(params.task_id);
  if (!waits(task)) throw refuse(task, 'revoked');
  const ended_at = timestamp();
  const told = [{ event: 'TaskRevoked', detail: ended(task, 'REVOKED', ended_at, task) }];
  return move(task, { state: 'REVOKED', ended_at }, told, 200, idempotency);
};
