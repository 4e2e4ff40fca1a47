import { commit } from '../../lambdas/kernel/commit';
import { resourceKey } from '../../lambdas/kernel/credentials';
import { newId } from '../../lambdas/kernel/id';
import { Idempotency, Replay } from '../../lambdas/kernel/idempotency';
import { deriveKey } from '../../lambdas/kernel/secret';
import type { Platform } from '../support/platform';
import { key, openThings, Thing, things } from './things';

let on: Platform;
beforeAll(async () => {
  on = await openThings();
});
afterAll(() => on.close());

test('keys of a secret are one for each purpose and resource', async () => {
  expect(deriveKey('secret', 'a')).toEqual(deriveKey('secret', 'a'));
  expect(deriveKey('secret', 'a')).not.toEqual(deriveKey('secret', 'b'));
  expect(deriveKey('secret', 'a')).not.toEqual(deriveKey('other', 'a'));
  const [one, other] = [newId(), newId()];
  expect(await resourceKey('orders:status', one)).toBe(await resourceKey('orders:status', one));
  expect(await resourceKey('orders:status', one)).not.toBe(await resourceKey('orders:status', other));
});

describe('idempotency', () => {
  const answer = { status: 201, body: { secret: 'the answer' }, headers: { 'x-a': 'b' } };

  test('the first answer comes back in place of a second effect, also to many at once', async () => {
    const counter = key();
    const call = () => new Idempotency('me', 'POST /x', 'k1', '{}').remember(answer);
    const attempt = () => commit({ writes: [things.update(counter, { add: { n: 1 } })], idempotency: call() });
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, attempt));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ name: 'Replay', answer });
    }
    expect((await things.find(Thing, counter))?.n).toBe(1);
    await expect(call().replayIfAnswered()).rejects.toBeInstanceOf(Replay);
  });

  test('another body is refused; another caller, route or key is another call', async () => {
    await commit({
      writes: [things.put({ ...key(), n: 1 })],
      idempotency: new Idempotency('me', 'POST /x', 'k2', '{}').remember(answer),
    });
    await expect(new Idempotency('me', 'POST /x', 'k2', '{ }').replayIfAnswered()).rejects.toMatchObject({
      status: 422,
    });
    for (const [caller, route, name] of [
      ['you', 'POST /x', 'k2'],
      ['me', 'POST /y', 'k2'],
      ['me', 'POST /x', 'k3'],
    ] as const) {
      await expect(new Idempotency(caller, route, name, '{}').replayIfAnswered()).resolves.toBeUndefined();
    }
  });

  test('what is stored does not show the answer, and is forgotten after a day at the earliest', () => {
    const { Put } = new Idempotency('me', 'POST /x', 'key-4', '{}').remember(answer).write();
    expect(JSON.stringify(Put?.Item)).not.toMatch(/the answer|key-4|"me"/);
    expect(Put?.Item?.['expires_at'] - Date.now() / 1_000).toBeGreaterThan(24 * 3_600);
    expect(() => new Idempotency('me', 'POST /x', 'k5', '{}').write()).toThrow('no answer');
  });
});
