import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { messageTo } from '../orders/shop';
import type { Deployed } from '../support/deployed';
import { deployedParts } from '../support/deployed-parts';
import { eventually } from '../support/processes';

const LETTERS = '/api/ops/dead-letters/';
export const PATIENCE_MS = 90_000;

/** Calls by one caller, whose status is held. @returns the body */
export const expecting =
  (stack: Deployed, headers: Record<string, string>) =>
  async (method: string, path: string, body?: unknown, expected = 200) => {
    const answer = await stack.http(method, path, { ...(body !== undefined && { body }), headers });
    expect([path, answer.status]).toEqual([path, expected]);
    return answer.body;
  };

/**
 * A message that no worker can work on comes to the desk, by the schedule of each minute or by a run of it by hand, is
 * edited, goes back by filter, and is done.
 */
export async function throughTheDesk(
  stack: Deployed,
  headers: Record<string, string>,
  { byHand = false } = {},
): Promise<void> {
  const call = expecting(stack, headers);
  const inLane = async () => (await call('GET', `${LETTERS}?lane=Orders.Work&reason=hopeless`)).results;

  const name = `nonsense-${randomUUID()}`;
  const { send } = await deployedParts(stack.port);
  await send('OrdersWorkQueue', JSON.stringify({ [name]: true }));
  const letter = await eventually(
    'the letter is at the desk',
    async () => {
      if (byHand) await call('POST', '/api/ops/schedules/Operations.Minute/run/', undefined, 202);
      await pause(500);
      return (await inLane()).find(({ payload }: { payload: Record<string, unknown> }) => payload?.[name]);
    },
    2 * PATIENCE_MS,
  );
  const task = {
    ...messageTo('http://127.0.0.1:9/'),
    ...{ task_id: randomUUID(), name: 'process_message', owner: randomUUID(), order: null, sequence: 1 },
    created_at: new Date().toISOString(),
  };
  await call('PATCH', `${LETTERS}${letter.id}/`, { payload: task });
  const filter = { lane: 'Orders.Work', reason: 'hopeless', from: letter.since, to: letter.since };
  expect(await call('POST', `${LETTERS}put-back/`, { filter, dry_run: true })).toMatchObject({ concerned: 1 });
  expect(await call('POST', `${LETTERS}put-back/`, { filter })).toMatchObject({ put_back: 1, refused: [] });
  await eventually(
    'the task is done',
    async () => {
      const { status, body } = await stack.http('GET', `/api/v1/consumer/tasks/${task.task_id}/`, { headers });
      return status === 200 && body.state === 'SUCCESS';
    },
    PATIENCE_MS,
  );
  expect(await call('POST', `${LETTERS}put-back/`, { filter })).toMatchObject({ put_back: 0 });
  expect((await call('GET', `${LETTERS}${letter.id}/`)).state).toBe('put_back');
}

/** Every route of operations that needs a right of its own answers. */
export async function everythingAnswers(stack: Deployed, headers: Record<string, string>): Promise<void> {
  const call = expecting(stack, headers);
  const report = '/api/ops/schedules/Mailings.Report/';
  for (const name of ['queues', 'streams', 'schedules', 'neighbours', 'tasks/summary', 'clock']) {
    await call('GET', `/api/ops/${name}/`);
  }
  expect((await call('PATCH', report, { enabled: false })).enabled).toBe(false);
  expect((await call('PATCH', report, { enabled: true })).enabled).toBe(true);
  await call('POST', `${report}run/`, undefined, 202);
  await call('PUT', '/api/ops/clock/', { offset_seconds: 0 });
  expect(await call('GET', '/metrics')).not.toMatch(/mercato_scrape_success\{.*\} 0/);
}
