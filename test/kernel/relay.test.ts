import * as z from 'zod';
import { shards } from '../../lambdas/kernel/id';
import { HORIZON_SECONDS } from '../../lambdas/kernel/timer';
import { eventually } from '../support/processes';
import { ahead, type Lanes, openLanes, outbox, ROLE, record, take, timers } from './lanes';

let { on, settings, relay, tick } = {} as Lanes;
beforeAll(async () => {
  ({ on, settings, relay, tick } = await openLanes());
});
afterAll(() => on.close());

const waiting = async () =>
  (
    await Promise.all(shards('DUE').map((partition) => timers.query(z.object({ message: z.unknown() }), { partition })))
  ).flatMap(({ items }) => items.map(({ message }) => message));

describe('the relay', () => {
  test('sends what is due at once, in order, and looks at nothing but new items of the outbox', async () => {
    const messages = Array.from({ length: 23 }, (_, n) => ({ n }));
    await relay(
      record({ pk: 'THING', sk: 'THING', n: 1 }),
      ...messages.map((message) => outbox({ queue: ROLE, message })),
      record({ pk: 'OUTBOX#old', sk: 'OUTBOX', outbox: [{ queue: ROLE, message: 'gone' }], created_at: '' }, 'REMOVE'),
    );
    expect((await take(ROLE)).map(({ body }) => body)).toEqual(messages);
  });

  test('sets aside what is no outbox item, and sends the rest', async () => {
    const role = 'DEAD_LETTERS';
    const relaySettings = on.named('Orders/Relay/Function').environment;
    await relay(record({ pk: 'OUTBOX#1', sk: 'OUTBOX', outbox: 'nonsense' }), outbox({ queue: ROLE, message: 'fine' }));
    expect((await take(ROLE)).map(({ body }) => body)).toEqual(['fine']);
    process.env['DEAD_LETTERS_QUEUE_URL'] = relaySettings['DEAD_LETTERS_QUEUE_URL'];
    const [letter] = await take(role);
    expect(letter).toMatchObject({
      body: { pk: 'OUTBOX#1', outbox: 'nonsense' },
      attributes: { lane: 'outbox', reason: expect.stringContaining('not an outbox item'), at: expect.any(String) },
    });
    process.env['DEAD_LETTERS_QUEUE_URL'] = settings['DEAD_LETTERS_QUEUE_URL'];
  });

  test('sets aside what is for a queue that there is no more, and sends the rest', async () => {
    const created_at = ahead(-11 * 60);
    const lost = [
      { queue: 'NO_SUCH', message: { n: 1 } },
      { queue: 'NO_SUCH', text: 'as it stands' },
    ];
    await relay(
      record({ pk: 'OUTBOX#2', sk: 'OUTBOX', outbox: [...lost, { queue: ROLE, message: 'goes' }], created_at }),
    );
    expect((await take(ROLE)).map(({ body }) => body)).toEqual(['goes']);
    process.env['DEAD_LETTERS_QUEUE_URL'] = on.named('Orders/Relay/Function').environment['DEAD_LETTERS_QUEUE_URL'];
    const letters = await take('DEAD_LETTERS');
    process.env['DEAD_LETTERS_QUEUE_URL'] = settings['DEAD_LETTERS_QUEUE_URL'];
    expect(letters.map(({ body }) => body)).toEqual(expect.arrayContaining(lost));
    expect(letters.map(({ attributes }) => attributes['reason'])).toEqual(lost.map(() => 'there is no such queue'));
  });

  test('fails as a whole when anything was not taken, so that the stream gives it again', async () => {
    await expect(relay(outbox({ queue: 'NO_SUCH', message: 1 }))).rejects.toThrow('NO_SUCH_QUEUE_URL');
  });

  test('keeps for the timer what is due later, and the timer hands it over to the second', async () => {
    await relay(
      outbox(
        { queue: ROLE, message: 'late', due_at: ahead(3_600) },
        { queue: ROLE, message: 'later', due_at: ahead(7_200) },
      ),
      outbox({ queue: ROLE, message: 'past', due_at: ahead(-5) }),
    );
    expect((await take(ROLE)).map(({ body }) => body)).toEqual(['past']);
    expect((await waiting()).sort()).toEqual(['late', 'later']);
    expect(await tick()).toEqual({ released: 0 });
    await on.moveClock(3_600 - HORIZON_SECONDS + 1);
    expect(await tick()).toEqual({ released: 1 });
    expect(await waiting()).toEqual(['later']);
    // still a horizon away: it waits in the queue, hidden
    expect(await take(ROLE)).toEqual([]);
    await on.moveClock(7_200);
    expect(await tick()).toEqual({ released: 1 });
    const [due] = await eventually('the message arrives', async () => {
      const found = await take(ROLE);
      return found.length > 0 && found;
    });
    expect(due?.body).toBe('later');
    await on.moveClock(0);
  });

  test('makes the same timer of the same record, however often it comes', async () => {
    const same = outbox({ queue: ROLE, message: 'once', due_at: ahead(9_000) });
    await Promise.all([relay(same), relay(same), relay(same)]);
    expect((await waiting()).filter((message) => message === 'once')).toHaveLength(1);
  });
});
