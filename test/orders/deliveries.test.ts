import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { type Deliveries, openDeliveries, status, wait } from './deliveries';
import { DELIVERIES, queued, read, receiver } from './shop';

let { on, operator, delivery, restore, close } = {} as Deliveries;
beforeAll(async () => {
  ({ on, operator, delivery, restore, close } = await openDeliveries());
});
afterAll(() => close());
afterEach(() => restore());

const SCHEDULE = [5, 5 * 60, 30 * 60, 2 * 3_600, 5 * 3_600, 10 * 3_600, 14 * 3_600, 20 * 3_600, 24 * 3_600];

describe('the schedule', () => {
  test('has ten attempts over 75 h 35 min, give or take a tenth; then the delivery is exhausted', async () => {
    const dead = await receiver(status(500));
    const { attempt, look } = await delivery(dead.url);
    for (const [index, seconds] of SCHEDULE.entries()) {
      const after = await attempt();
      expect(after).toMatchObject({ status: 'pending', tries: index + 1 });
      expect(Math.abs(wait(after) / seconds - 1)).toBeLessThan(index ? 0.101 : 0.2);
    }
    const last = await attempt();
    expect(last).toMatchObject({ status: 'exhausted', tries: 10, next_attempt_at: null });
    expect(last.attempts.map(({ number }: { number: number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(last.attempts[0]).toMatchObject({ status_code: 500, error: null, response: 'so it is' });
    expect(new Set(dead.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    await attempt();
    expect(await look()).toEqual(last);
    expect(dead.received).toHaveLength(10);
    const { results } = await read(on, operator, `${DELIVERIES}?status=exhausted`);
    expect(results).toContainEqual(last);
  });

  test('is jittered: no two deliveries that fail at once come back at once', async () => {
    const dead = await receiver(status(500));
    const waits = [];
    for (let count = 0; count < 5; count++) {
      const one = await delivery(dead.url);
      await one.attempt();
      waits.push(wait(await one.attempt()));
    }
    expect(new Set(waits).size).toBe(5);
  });

  test('goes on by itself, at once, after seconds and, when the clock says so, after half an hour', async () => {
    const flaky = await receiver((response, count) => status(count < 4 ? 503 : 204)(response));
    const { look } = await delivery(flaky.url);
    const tries = (count: number) => async () => (await look()).attempts.length === count;
    await on.settle(tries(2));
    const second = await look();
    expect(wait(second)).toBeGreaterThan(250);
    const tick = () => on.run<{ released: number }>('Timer/Tick', {});
    const stored = async () => {
      const TableName = on.named('Timer/Tick').environment['TIMERS_TABLE'];
      const counts = [0, 1, 2, 3].map(async (shard) => {
        const values = { ':pk': `DUE#${shard}` };
        const query = { TableName, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: values };
        return (await documents.send(new QueryCommand(query))).Items?.some(({ message }) => message.id === second.id);
      });
      return (await Promise.all(counts)).some(Boolean);
    };
    await on.settle(stored);
    expect((await tick()).released).toBe(0);
    await on.moveClock(wait(second));
    expect((await tick()).released).toBeGreaterThan(0);
    await on.settle(tries(3));
    await on.settle(stored);
    await on.moveClock(wait(second) + 1.1 * 1_800);
    await tick();
    await on.settle(async () => (await look()).status === 'delivered');
    expect(flaky.received).toHaveLength(4);
  }, 60_000);

  test('a message of an earlier turn, or of a delivery that is not there, changes nothing', async () => {
    const fine = await receiver();
    const { id, attempt, look } = await delivery(fine.url);
    const done = await attempt();
    await on.run('Orders/Callback/Function', queued({ id, turn: 1 }));
    await on.run('Orders/Callback/Function', queued({ id: 'msg_00000000-0000-0000-0000-000000000000', turn: 1 }));
    expect(await look()).toEqual(done);
    expect(fine.received).toHaveLength(1);
    expect((await on.api('GET', `${DELIVERIES}msg_00000000-0000-0000-0000-000000000000`, {}, operator)).status).toBe(
      404,
    );
  });

  test('two messages of one turn at once count as one attempt', async () => {
    const fine = await receiver();
    const { id, look } = await delivery(fine.url);
    const run = () => on.run('Orders/Callback/Function', queued({ id, turn: 1 }));
    await Promise.all([run(), run(), run()]);
    expect((await look()).attempts).toHaveLength(1);
  });
});
