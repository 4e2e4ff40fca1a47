import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { eventually } from '../support/processes';
import { type Deliveries, openDeliveries, status } from './deliveries';
import { DELIVERIES, receiver } from './shop';

let { on, operator, delivery, close } = {} as Deliveries;
beforeAll(async () => {
  ({ on, operator, delivery, close } = await openDeliveries());
});
afterAll(() => close());

describe('replaying', () => {
  /** A delivery whose last attempt has failed; those before it are only counted. */
  async function exhausted(url: string) {
    const one = await delivery(url);
    const TableName = on.named('Orders/Api').environment['TABLE_NAME'];
    const Key = { pk: `TASK#${one.id.slice('msg_'.length)}`, sk: 'DELIVERY' };
    const change = { UpdateExpression: 'SET tries = :nine', ExpressionAttributeValues: { ':nine': 9 } };
    await documents.send(new UpdateCommand({ TableName, Key, ...change }));
    await one.attempt();
    return one;
  }

  test('one gives it all its tries again, under the same id, once for one Idempotency-Key', async () => {
    const dead = await receiver(status(500));
    const one = await delivery(dead.url);
    for (let count = 0; count < 10; count++) await one.attempt();
    dead.answerWith(status(200));
    const replay = () =>
      on.api('POST', `${DELIVERIES}${one.id}/replay/`, { headers: { 'idempotency-key': 'again' } }, operator);
    const [first, second] = [await replay(), await replay()];
    expect(first).toMatchObject({ status: 202, body: { status: 'pending', tries: 0 } });
    expect(second.body).toEqual(first.body);
    const plain = () => on.api('POST', `${DELIVERIES}${one.id}/replay/`, {}, operator);
    expect((await Promise.all([plain(), plain()])).map(({ status: code }) => code).sort()).toEqual([202, 409]);
    await on.settle(async () => (await one.look()).status === 'delivered');
    const { attempts } = await one.look();
    expect(attempts.at(-1)).toMatchObject({ number: 11, status_code: 200 });
    expect(dead.received.at(-1)?.headers['webhook-id']).toBe(one.id);
  });

  test('enables an address that was disabled because five deliveries in a row were exhausted', async () => {
    const dead = await receiver(status(500));
    for (let count = 0; count < 4; count++) await exhausted(dead.url);
    dead.answerWith(status(200));
    expect(await (await delivery(dead.url)).attempt()).toMatchObject({ status: 'delivered' });
    dead.answerWith(status(500));
    for (let count = 0; count < 4; count++) await exhausted(dead.url);
    const fifth = await exhausted(dead.url);
    expect(await fifth.look()).toMatchObject({ status: 'exhausted', tries: 10 });
    const sent = dead.received.length;
    const reason = '5 deliveries to this address failed for good one after the other';
    expect(await (await delivery(dead.url)).attempt()).toMatchObject({ status: 'disabled', attempts: [], reason });
    expect(dead.received).toHaveLength(sent);
    dead.answerWith(status(200));
    await on.api('POST', `${DELIVERIES}${fifth.id}/replay/`, {}, operator);
    await on.settle(async () => (await fifth.look()).status === 'delivered');
    expect(await (await delivery(dead.url)).attempt()).toMatchObject({ status: 'delivered', reason: null });
  });

  test('by filter goes in pieces; a dry run only names them', async () => {
    const dead = await receiver(status(500));
    const from = new Date().toISOString();
    const all: Awaited<ReturnType<typeof exhausted>>[] = [];
    for (let count = 0; count < 5; count++) all.push(await exhausted(dead.url));
    const ids = new Set(all.map(({ id }) => id));
    const to = new Date().toISOString();
    await eventually('the next millisecond', async () => Date.now() > Date.parse(to));
    const late = await exhausted((await receiver(status(500))).url);
    dead.answerWith(status(200));
    const sweep = async (dry_run: boolean) => {
      const found: string[] = [];
      let cursor: string | null = null;
      do {
        const body: object = { from, to, dry_run, limit: 2, cursor };
        const answer = await on.api('POST', `${DELIVERIES}replay/`, { body }, operator);
        expect(answer.status).toBe(200);
        expect(answer.body.ids.length).toBeLessThanOrEqual(2);
        found.push(...answer.body.ids);
        cursor = answer.body.cursor;
      } while (cursor);
      return new Set(found);
    };
    expect(await sweep(true)).toEqual(ids);
    expect(await all[0]?.look()).toMatchObject({ status: 'exhausted' });
    expect(await sweep(false)).toEqual(ids);
    const delivered = async () =>
      (await Promise.all(all.map(({ look }) => look()))).every((one) => one.status === 'delivered');
    await on.settle(delivered);
    expect(await late.look()).toMatchObject({ status: 'exhausted' });
    expect(await sweep(true)).toEqual(new Set());
    const forged = await on.api('POST', `${DELIVERIES}replay/`, { body: { cursor: 'abc' } }, operator);
    expect(forged.status).toBe(422);
  });

  test('is for operators alone', async () => {
    for (const caller of [await on.callers.user(), await on.callers.apiKey({ scopes: ['messages:send'] })]) {
      expect((await on.api('GET', DELIVERIES, {}, caller)).status).toBe(403);
      expect((await on.api('POST', `${DELIVERIES}replay/`, { body: {} }, caller)).status).toBe(403);
    }
  });
});
