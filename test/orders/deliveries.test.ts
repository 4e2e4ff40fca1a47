import dns from 'node:dns';
import type { ServerResponse } from 'node:http';
import { type LookupFunction, Socket } from 'node:net';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { now } from '../../lambdas/kernel/clock';
import { documents } from '../../lambdas/kernel/documents';
import { refusal } from '../../lambdas/orders/webhook-client';
import { setFault } from '../support/faults';
import { type Platform, platform } from '../support/platform';
import type { Caller } from '../support/principals';
import { eventually } from '../support/processes';
import {
  closeReceivers,
  DELIVERIES,
  messageOf,
  messageTo,
  ORDERS,
  PROCESS,
  place,
  queued,
  read,
  receiver,
} from './shop';

let on: Platform;
let operator: Caller;
beforeAll(async () => {
  on = await platform('orders');
  operator = await on.callers.user('operator');
});
afterAll(() => Promise.all([closeReceivers(), on.close()]));
afterEach(async () => {
  jest.restoreAllMocks();
  setFault(undefined);
  if (now().getTime() - Date.now() > 1_000) await on.moveClock(0);
});

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(code, headers).end('so it is');

/** A delivery to an address, not yet attempted. */
async function delivery(url: string) {
  const { body } = await on.api('POST', PROCESS, { body: messageTo(url) }, operator);
  const id = `msg_${body.task_id}`;
  const look = () => read(on, operator, `${DELIVERIES}${id}/`);
  let turn = 0;
  return {
    id,
    look,
    /** Lets the turn come, whenever it is due. */
    async attempt(environment: Record<string, string> = {}) {
      turn += 1;
      await on.run('Orders/Callback/Function', queued({ id, turn }), environment);
      return look();
    },
  };
}

/** Seconds from the end of the last attempt to the next. */
const wait = ({ updated_at, next_attempt_at }: { updated_at: string; next_attempt_at: string }) =>
  (Date.parse(next_attempt_at) - Date.parse(updated_at)) / 1_000;

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
    expect(Math.abs(wait(await attempt()) - seconds)).toBeLessThan(1.6);
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
      expect(slow).toBeGreaterThan(seconds - 2);
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

describe('addresses', () => {
  test("a caller's gets no credential; one with a password is refused", async () => {
    const fine = await receiver();
    await (await delivery(fine.url)).attempt();
    expect(Object.keys(fine.received[0]?.headers ?? {}).sort()).toEqual([
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
      'webhook-id',
      'webhook-signature',
      'webhook-timestamp',
    ]);
    const own = `${on.gateway}${ORDERS}${(await place(on, operator)).uuid}/status/update`;
    expect((await (await delivery(own)).attempt()).attempts).toMatchObject([{ status_code: 401 }]);
    for (const url of [
      'http://me:secret@example.com/',
      'ftp://example.com/',
      '/api/v1/',
      'javascript:alert(1)',
      'http://',
    ]) {
      const { status: refused, body } = await on.api('POST', PROCESS, { body: messageTo(url) }, operator);
      expect([refused, body.errors?.[0]?.path]).toEqual([422, 'webhook_url']);
    }
  });

  test.each([
    '10.1.2.3',
    '127.0.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.168.1.1',
    '172.31.255.255',
    '0.0.0.0',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '198.18.0.1',
    '192.0.2.1',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '::ffff:10.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    'fec0::1',
    '100::1',
  ])('%s is no public address', (address) => expect(refusal(address)).toContain('not a public address'));

  test.each(['8.8.8.8', '93.184.216.34', '2606:4700:4700::1111', '2a00:1450:4001:81b::200e'])('%s is', (address) =>
    expect(refusal(address)).toBeUndefined(),
  );

  const elsewhere = { STAGE: 'dev' };

  test.each(['127.0.0.1', '[::1]', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]', '017700000001'])(
    'http://%s is not called outside of the local stage',
    async (host) => {
      const inside = await receiver();
      const { attempt } = await delivery(`http://${host}:${inside.port}/`);
      const { status: pending, attempts } = await attempt(elsewhere);
      expect(pending).toBe('pending');
      expect(attempts[0].error).toContain('is not a public address');
      expect(inside.received).toHaveLength(0);
    },
  );

  type Answer = (error: Error | null, addresses: { address: string; family: number }[]) => void;
  /** The resolver of this machine, answering as told. */
  function resolveTo(...answers: string[][]) {
    let count = 0;
    return jest.spyOn(dns, 'lookup').mockImplementation(((_name: string, _options: object, done: Answer) => {
      const addresses = answers[Math.min(count++, answers.length - 1)] ?? [];
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    }) as never);
  }

  test.each([[['127.0.0.1']], [['10.0.0.1']], [['::1']], [['93.184.216.34', '127.0.0.1']], [[]]])(
    'a name that resolves to %j is not called',
    async (addresses) => {
      const inside = await receiver();
      resolveTo(addresses);
      const { attempt } = await delivery(`http://inside.example:${inside.port}/`);
      expect((await attempt(elsewhere)).attempts[0].error).toMatch(/is not a public address|has no address/);
      expect(inside.received).toHaveLength(0);
    },
  );

  test('a name is asked once: what was checked is connected to, whatever it resolves to then', async () => {
    const inside = await receiver();
    const lookup = resolveTo(['93.184.216.34'], ['127.0.0.1']);
    const targets: unknown[] = [];
    // stops at the threshold of the network, with the address in hand
    const { connect } = Socket.prototype;
    jest.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...given: unknown[]) {
      const [options] = given.flat() as { host?: string; lookup: LookupFunction }[];
      if (options?.host !== 'rebinding.example') return connect.apply(this, given as never);
      options.lookup(options.host, { all: true }, (_error, found) => {
        targets.push(found);
        setImmediate(() => this.destroy(new Error('stopped')));
      });
      return this;
    });
    const { attempt } = await delivery(`http://rebinding.example:${inside.port}/`);
    expect(await attempt(elsewhere)).toMatchObject({ status: 'pending', attempts: [{ status_code: null }] });
    expect(targets).toEqual([[{ address: '93.184.216.34', family: 4 }]]);
    expect(lookup).toHaveBeenCalledTimes(1);
    expect(inside.received).toHaveLength(0);
  });

  test('a name that cannot be resolved is a failure', async () => {
    jest
      .spyOn(dns, 'lookup')
      .mockImplementation(((_name: string, _options: object, done: Answer) =>
        done(new Error('getaddrinfo ENOTFOUND nowhere.example'), undefined as never)) as never);
    const { attempt } = await delivery('http://nowhere.example/');
    expect((await attempt(elsewhere)).attempts[0].error).toContain('ENOTFOUND');
  });

  test('in the local stage this machine may be called by name', async () => {
    const inside = await receiver();
    const { attempt } = await delivery(`http://localhost:${inside.port}/`);
    expect(await attempt()).toMatchObject({ status: 'delivered' });
  });
});
