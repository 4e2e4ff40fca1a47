import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { commit, commitIf } from '../kernel/commit';
import type { Condition } from '../kernel/expression';
import { type Handler, Reply } from '../kernel/http';
import { shardOf, shards } from '../kernel/id';
import { mergedPage } from '../kernel/page';
import { conflict, notFound } from '../kernel/problem';
import { type Key, table, type Write } from '../kernel/table';
import { untilWritten } from '../kernel/until-written';
import type { Operations } from './contract';
import { StoredTaskResult, type TaskResult } from './schema';

const results = table();

/** In the partition of its task, so that a timeline finds it. */
export const resultKey = (task_id: string): Key => ({ pk: `TASK#${task_id}`, sk: 'RESULT' });

/** The result with what only this context sees: `version` counts its writes. */
const Stored = StoredTaskResult.extend({ version: z.number().optional() });
type Stored = z.output<typeof Stored>;

const indexed = (result: StoredTaskResult) => ({
  ...result,
  gsi2pk: shardOf('TASK_RESULTS', result.task_id),
  gsi2sk: result.task_id,
});

/** Keeps what came of a task, as the producer was told; a later word on the same task counts, an earlier one does not. */
export async function recordResult(result: TaskResult): Promise<void> {
  const change = { set: indexed({ ...result, received_at: timestamp() }), add: { version: 1 } };
  await commitIf({
    writes: [results.update(resultKey(result.task_id), change, { below: { ended_at: result.ended_at } })],
  });
}

export const listTaskResults: Handler<Operations['listTaskResults']> = (call) =>
  mergedPage(results, StoredTaskResult, call, {
    index: 'gsi2',
    partitions: shards('TASK_RESULTS'),
    sortKey: ({ task_id }: StoredTaskResult) => task_id,
  });

async function resultOf(task_id: string): Promise<Stored> {
  const result = await results.find(Stored, resultKey(task_id));
  if (!result) throw notFound('task result');
  return result;
}

export const getTaskResult: Handler<Operations['getTaskResult']> = ({ params }) => resultOf(params.task_id);

export const addTaskResult: Handler<Operations['addTaskResult']> = async ({ body, idempotency }) => {
  const at = timestamp();
  const result: StoredTaskResult = { ...body, ended_at: at, received_at: at };
  const headers = { location: `/api/v1/data/task-results/${body.task_id}/` };
  const added = await commitIf({
    writes: [results.put({ ...indexed(result), ...resultKey(body.task_id), version: 1 }, { exists: false })],
    idempotency: idempotency?.remember({ status: 201, body: StoredTaskResult.parse(result), headers }),
  });
  if (!added) throw conflict(`the task ${body.task_id} has a result`);
  return new Reply(result, { headers });
};

interface Change {
  params: { task_id: string };
  requireMatch: (current: unknown) => void;
}

/** Reads, checks `If-Match` and writes; again when another write came between. @throws Problem 404, 412, 503 */
const rewrite = ({ params, requireMatch }: Change, to: (result: Stored, when: Condition) => Write): Promise<void> =>
  untilWritten(async () => {
    const result = await resultOf(params.task_id);
    requireMatch(StoredTaskResult.parse(result));
    await commit({ writes: [to(result, { exists: true, equals: { version: result.version } })] });
  });

async function change(call: Change & { body: Record<string, unknown> }): Promise<StoredTaskResult> {
  const { params, body } = call;
  const set = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
  let next: StoredTaskResult | undefined;
  await rewrite(call, (result, when) => {
    const received_at = timestamp();
    next = { ...result, ...set, received_at };
    return results.update(resultKey(params.task_id), { set: { ...set, received_at }, add: { version: 1 } }, when);
  });
  return next as StoredTaskResult;
}

export const replaceTaskResult: Handler<Operations['replaceTaskResult']> = change;
export const changeTaskResult: Handler<Operations['changeTaskResult']> = change;

export const removeTaskResult: Handler<Operations['removeTaskResult']> = (call) =>
  rewrite(call, ({ task_id }, when) => results.delete(resultKey(task_id), when)) as Promise<undefined>;
