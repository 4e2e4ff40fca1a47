import { BatchWriteCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { documents } from '../../lambdas/kernel/documents';
import { sqs } from '../../lambdas/kernel/queue';
import { delayFor, HORIZON_SECONDS } from '../../lambdas/kernel/timer';
import { eventually } from '../support/processes';
import { ahead, type Lanes, openLanes, outbox, ROLE, take, timers } from './lanes';

let { on, relay, tick } = {} as Lanes;
beforeAll(async () => {
  ({ on, relay, tick } = await openLanes());
});
afterAll(() => on.close());

test('what is due within two minutes waits in its queue, what is due later does not', () => {
  expect(delayFor(undefined)).toBe(0);
  expect(delayFor(ahead(-10))).toBe(0);
  expect(delayFor(ahead(60))).toBeCloseTo(60, 0);
  expect(delayFor(ahead(HORIZON_SECONDS + 1))).toBeUndefined();
});

test('a tick hands over more than a page, deletes what it handed over, and stops in time for its own end', async () => {
  const many = Array.from({ length: 60 }, (_, n) => ({
    queue: ROLE,
    message: { n },
    due_at: ahead(HORIZON_SECONDS + 60),
  }));
  await relay(...many.map((one) => outbox(one)));
  await on.moveClock(HORIZON_SECONDS + 61);
  const { handler } = await import('../../lambdas/kernel/tick.lambda');
  Object.assign(process.env, on.named('Timer/Tick').environment);
  expect(await handler({}, { getRemainingTimeInMillis: () => 9_000 } as never)).toEqual({ released: 0 });
  expect(await tick()).toEqual({ released: 60 });
  const arrived = await eventually('all arrive', async () => {
    const found = await take(ROLE);
    return found.length === 60 && found;
  });
  expect(new Set(arrived.map(({ body }) => (body as { n: number }).n)).size).toBe(60);
  expect(await tick()).toEqual({ released: 0 });
  await on.moveClock(0);
});

test('a partition that is slow holds up no other, and what the table does not take at once is written again', async () => {
  const due_at = ahead(HORIZON_SECONDS + 2);
  await relay(...Array.from({ length: 40 }, (_, n) => outbox({ queue: ROLE, message: { n }, due_at })));
  await on.moveClock(HORIZON_SECONDS + 3);
  let isSent = () => {};
  const sent = new Promise<void>((resolve) => (isSent = resolve));
  const send = documents.send.bind(documents) as (command: { input: object }) => Promise<object>;
  const deliver = sqs.send.bind(sqs) as (command: object) => Promise<object>;
  let refused = 0;
  const spies = [
    jest.spyOn(documents, 'send').mockImplementation(async (command: { input: object }) => {
      if (command instanceof QueryCommand && JSON.stringify(command.input).includes('"DUE#0"')) await sent;
      if (command instanceof BatchWriteCommand && ++refused <= 2)
        return { UnprocessedItems: command.input.RequestItems };
      return send(command);
    }),
    jest.spyOn(sqs, 'send').mockImplementation(async (command: object) => deliver(command).finally(isSent)),
  ];
  expect(await tick()).toEqual({ released: 40 });
  for (const spy of spies) spy.mockRestore();
  expect(refused).toBeGreaterThan(2);
  expect(await tick()).toEqual({ released: 0 });
  expect(await take(ROLE)).toHaveLength(40);
  await on.moveClock(0);
});

test('a timer for a queue that there is no more is kept apart, and holds up no other', async () => {
  const due_at = ahead(HORIZON_SECONDS + 2);
  await relay(
    outbox({ queue: 'NO_SUCH', message: 'stranded', due_at }),
    outbox({ queue: ROLE, message: 'goes', due_at }),
  );
  await on.moveClock(HORIZON_SECONDS + 3);
  await tick();
  const arrived = await eventually('the other arrives', async () => {
    const found = await take(ROLE);
    return found.length > 0 && found;
  });
  expect(arrived.map(({ body }) => body)).toEqual(['goes']);
  expect(await tick()).toEqual({ released: 0 });
  const kept = await timers.query(z.object({ queue: z.string(), message: z.unknown() }), { partition: 'STRANDED' });
  expect(kept.items).toEqual([{ queue: 'NO_SUCH', message: 'stranded' }]);
  await on.moveClock(0);
});
