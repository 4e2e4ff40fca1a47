import { timestamp } from '../kernel/clock';
import { commitIf } from '../kernel/commit';
import type { Condition } from '../kernel/expression';
import { type Handler, Reply } from '../kernel/http';
import { shardOf, shards } from '../kernel/id';
import { mergedPage } from '../kernel/page';
import { conflict, notFound } from '../kernel/problem';
import { type Item, type Key, table, type Write } from '../kernel/table';
import type { Operations } from './contract';
import { StoredTaskResult, type TaskResult } from './schema';

const results = table();

/** In the partition of its task, so that a timeline finds it. */
export const resultKey = (task_id: string): Key => ({ pk: `TASK#${task_id}`, sk: 'RESULT' });

const item = (result: StoredTaskResult): Item => ({
  ...result,
  ...resultKey(result.task_id),
  gsi2pk: shardOf('TASK_RESULTS', result.task_id),
  gsi2sk: result.task_id,
});

/** Keeps what came of a task, as the producer was told; a later word on the same task counts, an earlier one does not. */
export async function recordResult(result: TaskResult): Promise<void> {
  const stored = { ...result, received_at: timestamp() };
  await commitIf({ writes: [results.put(item(stored), { below: { ended_at: result.ended_at } })] });
}

export const listTaskResults: Handler<Operations['listTaskResults']> = (call) =>
  mergedPage(results, StoredTaskResult, call, {
    index: 'gsi2',
    partitions: shards('TASK_RESULTS'),
    sortKey: ({ task_id }: StoredTaskResult) => task_id,
  });

async function resultOf(task_id: string): Promise<StoredTaskResult> {
  const result = await results.find(StoredTaskResult, resultKey(task_id));
  if (!result) throw notFound('task result');
  return result;
}

export const getTaskResult: Handler<Operations['getTaskResult']> = ({ params }) => resultOf(params.task_id);

export const addTaskResult: Handler<Operations['addTaskResult']> = async ({ body, idempotency }) => {
  const at = timestamp();
  const result: StoredTaskResult = { ...body, ended_at: at, received_at: at };
  const headers = { location: `/api/v1/data/task-results/${body.task_id}/` };
  const added = await commitIf({
    writes: [results.put(item(result), { exists: false })],
    idempotency: idempotency?.remember({ status: 201, body: StoredTaskResult.parse(result), headers }),
  });
  if (!added) throw conflict(`the task ${body.task_id} has a result`);
  return new Reply(result, { headers });
};

interface Change {
  params: { task_id: string };
  requireMatch: (current: unknown) => void;
}

async function write({ params, requireMatch }: Change, to: (result: StoredTaskResult, when: Condition) => Write) {
  const result = await resultOf(params.task_id);
  requireMatch(result);
  const { received_at, ended_at } = result;
  const written = await commitIf({ writes: [to(result, { equals: { received_at, ended_at } })] });
  if (!written) throw conflict('the result has just changed, look again');
}

async function change(call: Change & { body: Record<string, unknown> }): Promise<StoredTaskResult> {
  const { params, body } = call;
  const given = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
  let next: StoredTaskResult | undefined;
  await write(call, (result, when) => {
    next = { ...result, ...given, ...params, received_at: timestamp() };
    return results.put(item(next), when);
  });
  return next as StoredTaskResult;
}

export const replaceTaskResult: Handler<Operations['replaceTaskResult']> = change;
export const changeTaskResult: Handler<Operations['changeTaskResult']> = change;

export const removeTaskResult: Handler<Operations['removeTaskResult']> = async (call) => {
  await write(call, ({ task_id }, when) => results.delete(resultKey(task_id), when));
  return undefined;
};
