import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { newId, shardOf } from '../../lambdas/kernel/id';
import { deployedParts } from '../support/deployed-parts';
import { eventually } from '../support/processes';
import { CHROMIUM } from './browser';
import { type Console, expectWell, goTo, LAPTOP, openConsole, PHONE, person } from './console-story';
import { confirmed, placeOrder } from './story';

jest.setTimeout(180_000);

let { on, headers, admin, open, close } = {} as Console;
beforeAll(async () => {
  ({ on, headers, admin, open, close } = await openConsole());
});
afterAll(() => close());

const TASKS = '/api/v1/consumer/tasks/';

/** The item of a task that has succeeded. */
async function taskItem() {
  const { body: order } = await placeOrder(on, headers);
  await confirmed(on, headers, order.uuid);
  const { documents, table } = await deployedParts(on.port);
  const Key = { pk: `TASK#${order.task_id}`, sk: 'TASK' };
  return (await documents.send(new GetCommand({ TableName: table('OrdersTable'), Key }))).Item;
}

let item: ReturnType<typeof taskItem> | undefined;

/** A task that has failed for good, as a worker leaves one: another's item under an id of its own. */
async function failedTask() {
  item ??= taskItem();
  const { documents, table } = await deployedParts(on.port);
  const task_id = newId();
  const state = 'FAILURE';
  const indexes = {
    gsi1pk: shardOf('TASKS#process_order', task_id),
    gsi1sk: task_id,
    gsi3pk: shardOf(`TASKS#process_order#${state}`, task_id),
    gsi3sk: task_id,
  };
  const changed = {
    pk: `TASK#${task_id}`,
    task_id,
    state,
    order: null,
    result: null,
    error: 'the machine was on fire',
  };
  const Item = { ...(await item), ...changed, ...indexes };
  await documents.send(new PutCommand({ TableName: table('OrdersTable'), Item }));
  const { body: task } = await on.http('GET', `${TASKS}${task_id}/`, { headers });
  expect(task.state).toBe(state);
  return task;
}

const stateOf = async (task_id: string): Promise<string> =>
  (await on.http('GET', `${TASKS}${task_id}/`, { headers })).body.state;

/** Lets a message lie among the dead letters of the orders' worker, and the desk look there. */
async function deadLetter(body: object, reason: string): Promise<void> {
  const { send } = await deployedParts(on.port);
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  const MessageAttributes = { reason: text(reason), attempts: text('5'), at: text(new Date().toISOString()) };
  await send('OrdersWorkDeadLetters', JSON.stringify(body), MessageAttributes);
  await on.http('POST', '/api/ops/schedules/Operations.Minute/run/', { headers });
  const path = `/api/ops/dead-letters/?reason=${encodeURIComponent(reason)}`;
  await eventually(
    'the letter is at the desk',
    async () => (await on.http('GET', path, { headers })).body.results.length > 0,
    90_000,
  );
}

(CHROMIUM ? describe : describe.skip)('an operator at the console', () => {
  test('retries a failed task, and sees it succeed', async () => {
    const { task_id } = await failedTask();
    const opened = await open(admin);
    const { page } = opened;
    await goTo(page, `/tasks/${task_id}/show`);
    await page.getByText('the machine was on fire').first().waitFor();
    await page.getByRole('button', { name: 'Retry task' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retry task' }).click();
    await page.getByText('SUCCESS', { exact: true }).first().waitFor();
    await expectWell(opened);
    expect(await stateOf(task_id)).toBe('SUCCESS');
    await page.close();
  });

  test.each([
    ['a laptop', LAPTOP],
    ['a phone', PHONE],
  ])(
    'puts dead letters back by filter on %s, after a dry run that changes nothing',
    async (_, look) => {
      const {
        task_id,
        state: __,
        result,
        error,
        attempts,
        queued_at,
        started_at,
        ended_at,
        ...message
      } = await failedTask();
      const reason = `fire-${newId()}`;
      await deadLetter({ task_id, ...message }, reason);
      const opened = await open(admin, look);
      const { page } = opened;
      await goTo(page, `/dead-letters?filter=${encodeURIComponent(JSON.stringify({ reason }))}`);
      await page.getByText('Orders.Work').first().waitFor();
      await expectWell(opened, look);
      await page.getByRole('button', { name: 'Put back dead letters' }).click();
      await page.getByRole('button', { name: 'Dry run' }).click();
      await page.getByText('1 would be concerned').waitFor();
      expect(await stateOf(task_id)).toBe('FAILURE');
      await page.getByRole('button', { name: 'Put back dead letters (1)' }).click();
      await page.getByText('1 of 1 done.').waitFor();
      await expectWell(opened, look);
      await eventually('the task has succeeded', async () => (await stateOf(task_id)) === 'SUCCESS', 60_000);
      await page.close();
    },
    150_000,
  );

  test('edits a dead letter, and puts it back as it should have been', async () => {
    const { task_id, state: _, result, error, attempts, queued_at, started_at, ended_at, ...rest } = await failedTask();
    const reason = `typo-${newId()}`;
    await deadLetter({ nonsense: task_id }, reason);
    const opened = await open(admin);
    const { page } = opened;
    await goTo(page, `/dead-letters?filter=${encodeURIComponent(JSON.stringify({ reason }))}`);
    await page.getByText('Orders.Work').first().click();
    await page.getByRole('link', { name: 'Edit', exact: true }).click();
    expect(JSON.parse(await page.getByLabel('Payload').inputValue())).toEqual({ nonsense: task_id });
    await page.getByLabel('Payload').fill(`{ "task_id": ${task_id} }`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('is not JSON').waitFor();
    await page.getByLabel('Payload').fill(JSON.stringify({ task_id, ...rest }));
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(`"task_id": "${task_id}"`).waitFor();
    await expectWell(opened);
    await page.getByRole('button', { name: 'Put back dead letter' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Put back dead letter' }).click();
    await eventually('the task has succeeded', async () => (await stateOf(task_id)) === 'SUCCESS', 60_000);
    await page.close();
  }, 150_000);

  test('lets a stand-in fail', async () => {
    const opened = await open(admin);
    const { page } = opened;
    await goTo(page, '/neighbours/send/show');
    await page.getByRole('button', { name: 'Set faults' }).click();
    await page.getByRole('dialog').getByLabel('Mode').click();
    await page.getByRole('option', { name: '500', exact: true }).click();
    // others use the stand-in as well: it is only asked for
    await page.route('**/sandbox/send/faults/', (route) => route.fulfill({ json: route.request().postDataJSON() }));
    const [request] = await Promise.all([
      page.waitForRequest('**/sandbox/send/faults/'),
      page.getByRole('dialog').getByRole('button', { name: 'Set faults' }).click(),
    ]);
    expect([request.method(), request.postDataJSON()]).toMatchObject(['PUT', { mode: '500', rate: 1 }]);
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
    await expectWell(opened);
    await page.close();
  });

  test('reads the analytics of a place and of all, as an analyst may', async () => {
    const place = `place-${newId()}`;
    const receipt = (index: number) => ({
      transaction_id: `${place}-${index}`,
      timestamp: new Date().toISOString(),
      items: [{ product_id: 'p1', quantity: 1, price: 20, category: 'books' }],
      total_amount: 20,
      nds_amount: 1,
      tips_amount: 0,
      payment_method: 'card',
      place_id: place,
      place_name: `Harbour ${place}`,
    });
    await on.http('POST', '/api/checks/', { headers, body: [receipt(1), receipt(2), receipt(3)] });
    const analytics = async () => (await on.http('GET', `/api/analytics/${place}/`, { headers })).body;
    await eventually('all are counted', async () => (await analytics()).total_purchases === 3, 60_000);
    const opened = await open(await person(on, headers, 'analyst'));
    const { page } = opened;
    // in a tab that nobody looks at yet it is read all the same
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })");
    await goTo(page, '/analytics');
    await page.getByRole('heading', { name: 'All places' }).waitFor();
    await page.evaluate('delete document.hidden');
    await page.getByRole('img', { name: /Receipts per hour, all places/ }).waitFor();
    await goTo(page, `/places/${place}/show`);
    await page.getByRole('heading', { name: 'Place analytics' }).waitFor();
    await page.getByText('3 receipts, 60.00 in all').waitFor();
    await expectWell(opened);
    await page.close();
  });

  test('pastes an id, and learns what it is and why it is not done; sees lanes, schedules and the time live', async () => {
    const { body: order } = await placeOrder(on, headers);
    const opened = await open(await person(on, headers, 'operator'));
    const { page } = opened;
    await page.getByLabel('Search by any id').fill(order.uuid);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: order.order_key }).click();
    await page.getByRole('heading', { name: order.order_key }).waitFor();
    await goTo(page, '/live');
    await page.getByRole('img', { name: /Tasks over time/ }).waitFor();
    await page.getByText('Orders.Work').first().waitFor();
    await page.getByRole('button', { name: 'An hour on' }).waitFor();
    await expectWell(opened);
    await goTo(page, '/schedules/Mailings.Report/show');
    await page.getByRole('button', { name: 'Switch off' }).click();
    await page.getByRole('button', { name: 'Switch on' }).click();
    await page.getByRole('button', { name: 'Switch off' }).waitFor();
    await expectWell(opened);
    await page.close();
  });
});
