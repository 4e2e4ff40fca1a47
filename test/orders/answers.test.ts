import type { ServerResponse } from 'node:http';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { now } from '../../lambdas/kernel/clock';
import { setFault } from '../support/faults';
import { eventually } from '../support/processes';
import { type Deliveries, openDeliveries, status, wait } from './deliveries';
import { closeReceivers, DELIVERIES, messageOf, place, queued, read, receiver } from './shop';

let { on, operator, delivery, restore, close } = {} as Deliveries;
beforeAll(async () => {
  ({ on, operator, delivery, restore, close } = await openDeliveries());
});
afterAll(() => close());
afterEach(() => restore());

describe('answers', () => {
  test.each([200, 201, 202, 204, 299])('%i is success', async (code) => {
    const { attempt } = await delivery((await receiver(status(code))).url);
    expect(await attempt()).toMatchObject({ status: 'delivered', next_attempt_at: null });
  });

  test.each([301, 302, 307, 400, 401, 404, 409, 500, 503])(
    '%i is a failure, and no redirect is followed',
    async (code) => {
      const elsewhere = await receiver();
      const { attempt } = await delivery((await receiver(status(code, { location: elsewhere.url }))).url);
      expect(await attempt()).toMatchObject({ status: 'pending', attempts: [{ status_code: code }] });
      expect(elsewhere.received).toHaveLength(0);
    },
  );

  test.each([
    ['seconds', () => '600', 600],
    ['a date', () => new Date(Date.now() + 900_000).toUTCString(), 900],
    ['more than a day', () => '31536000', 86_400],
    ['less than the schedule', () => '1', 5],
    ['the past', () => new Date(0).toUTCString(), 5],
    ['nonsense', () => 'soon', 5],
  ])('Retry-After with %s is honoured', async (_, value, seconds) => {
    const slow = await receiver((response) => status(503, { 'retry-after': value() })(response));
    const { attempt } = await delivery(slow.url);
    expect(Math.abs(wait(await attempt()) - seconds)).toBeLessThan(3);
  });

  test.each([429, 502, 504])('%i slows down all that goes there', async (code) => {
    const full = await receiver(status(code, { 'retry-after': '120' }));
    const [first, second] = [await delivery(full.url), await delivery(full.url)];
    const refused = await first.attempt();
    expect(wait(refused)).toBeCloseTo(120, 0);
    const put = await second.attempt();
    expect(put).toMatchObject({ status: 'pending', attempts: [], tries: 0 });
    expect(Date.parse(put.next_attempt_at)).toBeGreaterThan(Date.now() + 110_000);
    expect(full.received).toHaveLength(1);
    full.answerWith(status(200));
    await on.moveClock(200);
    expect(await second.attempt()).toMatchObject({ status: 'delivered', tries: 1 });
  });

  test('overloaded without a word when to come back: a minute', async () => {
    const { attempt } = await delivery((await receiver(status(502))).url);
    expect(wait(await attempt())).toBeCloseTo(60, 0);
  });

  test('overloaded again and again: each time twice as long, until it is well', async () => {
    const full = await receiver(status(502));
    const slowSeconds = async () => {
      await (await delivery(full.url)).attempt();
      const put = await (await delivery(full.url)).attempt();
      expect(put).toMatchObject({ status: 'pending', attempts: [] });
      // those that were put off are spread over a minute
      return (Date.parse(put.next_attempt_at) - now().getTime()) / 1_000;
    };
    let at = 0;
    for (const seconds of [60, 120, 240]) {
      const slow = await slowSeconds();
      expect(slow).toBeGreaterThan(seconds - 5);
      expect(slow).toBeLessThan(seconds + 60);
      at += seconds + 1;
      await on.moveClock(at);
    }
    full.answerWith(status(200));
    expect(await (await delivery(full.url)).attempt()).toMatchObject({ status: 'delivered' });
    full.answerWith(status(502));
    expect(await slowSeconds()).toBeLessThan(120);
  });

  test('the longest of several waits for one address counts', async () => {
    const held: ServerResponse[] = [];
    const full = await receiver((response) => held.push(response));
    const both = [await delivery(full.url), await delivery(full.url)];
    const attempts = Promise.all(both.map(({ attempt }) => attempt()));
    await eventually('both were sent', async () => held.length === 2);
    held[0]?.writeHead(429, { 'retry-after': '3600' }).end();
    const noted = async () => (await Promise.all(both.map(({ look }) => look()))).some(({ tries }) => tries === 1);
    await eventually('the first is noted', noted);
    held[1]?.writeHead(502).end();
    expect((await attempts).map(({ tries }) => tries)).toEqual([1, 1]);
    const put = await (await delivery(full.url)).attempt();
    expect(Date.parse(put.next_attempt_at) - Date.now()).toBeGreaterThan(3_500_000);
  });

  test('a success forgets no wait that was asked for while it was under way', async () => {
    const full = await receiver(status(502));
    await (await delivery(full.url)).attempt();
    await on.moveClock(61);
    const held: ServerResponse[] = [];
    full.answerWith((response) => held.push(response));
    const [well, busy] = [await delivery(full.url), await delivery(full.url)];
    const delivered = well.attempt();
    await eventually('the first was sent', async () => held.length === 1);
    const refused = busy.attempt();
    await eventually('the second was sent', async () => held.length === 2);
    held[1]?.writeHead(429, { 'retry-after': '3600' }).end();
    await refused;
    held[0]?.writeHead(200).end();
    expect(await delivered).toMatchObject({ status: 'delivered', attempts: [{ status_code: 200 }] });
    expect(await (await delivery(full.url)).attempt()).toMatchObject({ status: 'pending', attempts: [] });
  });

  test('are noted though others keep writing what is known of the address', async () => {
    const { attempt } = await delivery((await receiver(status(429))).url);
    let crowded = 6;
    setFault(({ command }) => {
      if (command !== 'TransactWriteItemsCommand' || crowded === 0) return undefined;
      crowded -= 1;
      const CancellationReasons = [{ Code: 'None' }, { Code: 'TransactionConflict' }, { Code: 'None' }];
      return new TransactionCanceledException({ message: 'conflict', $metadata: {}, CancellationReasons });
    });
    expect(await attempt()).toMatchObject({ status: 'pending', tries: 1, attempts: [{ status_code: 429 }] });
    expect(crowded).toBe(0);
  });

  test('nothing is put off for longer than its attempts would take', async () => {
    const full = await receiver(status(429, { 'retry-after': '86400' }));
    const old = await delivery(full.url);
    await on.moveClock(84 * 3_600);
    const fresh = await delivery(full.url);
    await fresh.attempt();
    expect(await (await delivery(full.url)).attempt()).toMatchObject({ status: 'pending', attempts: [] });
    expect(await old.attempt()).toMatchObject({ status: 'exhausted', attempts: [], next_attempt_at: null });
  });

  test.each([429, 502, 504])('%i of our own API holds up no order', async (code) => {
    const order = await place(on, operator);
    await on.run('Orders/Work/Function', queued(messageOf(order)));
    const full = await receiver(status(code));
    const id = `msg_${order.task_id}`;
    await on.run('Orders/Deliver/Function', queued({ id, turn: 1 }), { API_URL: full.url });
    const after = await read(on, operator, `${DELIVERIES}${id}/`);
    expect(after).toMatchObject({ status: 'pending', attempts: [{ status_code: code }] });
    expect(wait(after)).toBeLessThan(6);
  });

  test('410 disables the address for all, until an operator replays', async () => {
    const gone = await receiver(status(410));
    const [first, second] = [await delivery(gone.url), await delivery(gone.url)];
    expect(await first.attempt()).toMatchObject({ status: 'disabled', next_attempt_at: null });
    const reason = 'the receiver answered 410: it wants no more';
    expect(await second.attempt()).toMatchObject({ status: 'disabled', attempts: [], reason });
    expect(gone.received).toHaveLength(1);
    gone.answerWith(status(200));
    const again = await on.api('POST', `${DELIVERIES}${second.id}/replay/`, {}, operator);
    expect(again).toMatchObject({ status: 202, body: { status: 'pending', tries: 0, reason: null } });
    expect(await second.attempt()).toMatchObject({ status: 'pending' });
    await on.settle(async () => (await second.look()).status === 'delivered');
    const third = await delivery(gone.url);
    expect(await third.attempt()).toMatchObject({ status: 'delivered' });
  });

  test('101 is a failure, and the connection is closed', async () => {
    let closed = false;
    const switching = await receiver(({ socket }) => {
      socket?.on('close', () => {
        closed = true;
      });
      socket?.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
    });
    const { attempt } = await delivery(switching.url);
    expect(await attempt()).toMatchObject({ status: 'pending', attempts: [{ status_code: 101 }] });
    await eventually('the connection is closed', async () => closed);
  });

  test('none within the time, a broken connection, a closed port: failures with their reasons', async () => {
    const timeout = AbortSignal.timeout;
    const hurried = jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(ms / 100));
    const silent = await delivery((await receiver(() => undefined)).url);
    expect(await silent.attempt()).toMatchObject({ attempts: [{ status_code: null, error: 'no answer within 15 s' }] });
    hurried.mockRestore();
    const rude = await delivery((await receiver((response) => response.socket?.destroy())).url);
    expect((await rude.attempt()).attempts).toMatchObject([{ status_code: null, error: 'socket hang up' }]);
    const closed = await receiver();
    closeReceivers();
    const absent = await delivery(closed.url);
    expect((await absent.attempt()).attempts).toMatchObject([{ error: expect.stringContaining('ECONNREFUSED') }]);
    const noTls = await delivery((await receiver()).url.replace('http:', 'https:'));
    expect(await noTls.attempt()).toMatchObject({ status: 'pending', attempts: [{ status_code: null }] });
  });

  test('are read no further than some kilobytes and no longer than the time; control characters are dropped', async () => {
    let closed = false;
    const endless = await delivery(
      (
        await receiver((response) => {
          response.writeHead(200).write('\u001b[31mred');
          const more = setInterval(() => response.write('x'.repeat(60_000)), 1);
          response.on('close', () => {
            clearInterval(more);
            closed = true;
          });
        })
      ).url,
    );
    const { status: end, attempts } = await endless.attempt();
    expect(end).toBe('delivered');
    expect(attempts[0].response).toMatch(/^\[31mredx{1,500}$/);
    await eventually('the connection is closed', async () => closed);
    const timeout = AbortSignal.timeout;
    jest.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(ms / 30));
    const stalled = await delivery((await receiver((response) => response.writeHead(200).write('half'))).url);
    expect(await stalled.attempt()).toMatchObject({ status: 'delivered', attempts: [{ response: 'half' }] });
  });
});
