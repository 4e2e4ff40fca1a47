import { newId } from '../../lambdas/kernel/id';
import { eventually } from '../support/processes';
import { CHROMIUM } from './browser';
import { type Console, expectWell, goTo, openConsole, PHONE } from './console-story';

jest.setTimeout(180_000);

let { on, headers, admin, open, close } = {} as Console;
beforeAll(async () => {
  ({ on, headers, admin, open, close } = await openConsole());
});
afterAll(() => close());

(CHROMIUM ? describe : describe.skip)('whoever looks after mailings', () => {
  test('writes one without a window, for several tags, changes its text, and takes a window away', async () => {
    const tag = `quiet-${newId().slice(-12)}`;
    const opened = await open(admin);
    const { page, wrong } = opened;
    await goTo(page, '/mailings/create');
    await page.getByLabel('Text').fill(`Ready: ${tag}`);
    await page.getByLabel('Start at').fill('2035-01-07T09:00');
    await page.getByLabel('End at').fill('2035-01-07T18:00');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('would reach everybody').first().waitFor();
    expect(wrong.splice(0)).toEqual([expect.stringContaining('422')]);
    // what is about no field in particular does not hold up the next attempt
    await page.getByLabel('Tag').pressSequentially(`${tag}, new`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: `Ready: ${tag}` }).waitFor();
    const id = new URL(page.url()).hash.split('/')[2];
    const path = `/api/mailings/${id}/`;
    const { body: made } = await on.http('GET', path, { headers });
    expect(made).toMatchObject({ filter: { tag: [tag, 'new'] }, time_window: null });
    await on.http('PATCH', path, { headers, body: { time_window: { from: '09:00', to: '18:00' } } });
    await goTo(page, `/mailings/${id}`);
    const window = page.getByRole('group', { name: 'Time window' });
    await eventually('the form has the window', async () => (await window.getByLabel('From').inputValue()) === '09:00');
    await window.getByLabel('From').fill('');
    await window.getByLabel('To').fill('');
    await page.getByLabel('Text').fill(`Fetch it: ${tag}`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: `Fetch it: ${tag}` }).waitFor();
    const { body: changed } = await on.http('GET', path, { headers });
    expect(changed).toMatchObject({ text: `Fetch it: ${tag}`, filter: made.filter, time_window: null });
    await expectWell(opened);
    await on.http('DELETE', path, { headers });
    await page.close();
  });

  test('watches a mailing, pauses it and lets it go on', async () => {
    const tag = `watched-${newId()}`;
    const phone = `7${String(Date.now()).slice(-10)}`;
    const { body: client } = await on.http('POST', '/api/clients/', { headers, body: { phone_number: phone, tag } });
    // the window opens in two hours: the mailing runs, and waits
    const hour = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
    const body = {
      text: `Ready: ${tag}`,
      start_at: hour(0),
      end_at: hour(20),
      filter: { tag },
      time_window: { from: hour(2).slice(11, 16), to: hour(3).slice(11, 16) },
    };
    const { body: mailing } = await on.http('POST', '/api/mailings/', { headers, body });
    const opened = await open(admin, PHONE);
    const { page } = opened;
    await goTo(page, `/mailings/${mailing.id}/show`);
    await page.getByRole('heading', { name: body.text }).waitFor();
    await page.getByText('running', { exact: true }).first().waitFor();
    await page.getByLabel('% of the messages are done').waitFor();
    await page.getByText(phone).first().waitFor();
    const narrowed = page.waitForResponse((one) => one.url().includes(`client=${client.id}`));
    await page.getByLabel('Client', { exact: true }).fill(client.id);
    await page.keyboard.press('Enter');
    expect((await narrowed).status()).toBe(200);
    await page.getByRole('button', { name: 'Pause mailing' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Pause mailing' }).click();
    await page.getByText('paused', { exact: true }).first().waitFor();
    await expectWell(opened, PHONE);
    await page.getByRole('button', { name: 'Resume mailing' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Resume mailing' }).click();
    await page.getByText('running', { exact: true }).first().waitFor();
    await page.close();
  });

  test('imports clients, and reads what became of each line; finds the import by its id', async () => {
    const opened = await open(admin);
    const { page } = opened;
    const good = `7${String(Date.now()).slice(-10)}`;
    await goTo(page, '/clients');
    await page.getByRole('button', { name: 'Import clients' }).click();
    await page.getByLabel('Text').fill(`phone_number,tag\n${good},imported\n123,imported\n`);
    await page.getByRole('dialog').getByRole('button', { name: 'Import clients' }).click();
    await page.getByRole('link', { name: 'Look at it' }).click();
    await page.getByRole('cell', { name: 'created', exact: true }).waitFor();
    await page.getByLabel('Outcome').click();
    await page.getByRole('option', { name: 'refused' }).click();
    await page.getByRole('cell', { name: 'refused', exact: true }).waitFor();
    await page.getByRole('cell', { name: 'created', exact: true }).waitFor({ state: 'detached' });
    await expectWell(opened);
    const id = new URL(page.url()).hash.split('id=')[1] ?? '';
    await page.getByLabel('Search by any id').fill(id);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: '2 lines' }).click();
    await page.waitForURL(/#\/import\?id=/);
    await page.close();
  });

  test('does something to many by filter, after a dry run, and finds what became of each', async () => {
    const tag = `many-${newId()}`;
    const first = 70_000_000_000 + (Date.now() % 1_000_000_000) * 10;
    for (const phone_number of [first, first + 1, first + 2].map(String)) {
      expect((await on.http('POST', '/api/clients/', { headers, body: { phone_number, tag } })).status).toBe(201);
    }
    const opened = await open(admin);
    const { page } = opened;
    const left = async () => (await on.http('GET', `/api/clients/?tag=${tag}`, { headers })).body.results.length;
    await goTo(page, `/clients?filter=${encodeURIComponent(JSON.stringify({ tag }))}`);
    // there are people without a mouse
    await page.getByRole('link', { name: String(first), exact: true }).press('Enter');
    await page.getByRole('heading', { name: String(first) }).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'Bulk by filter' }).click();
    await page.getByRole('button', { name: 'Dry run' }).click();
    await page.getByText('3 would be concerned').waitFor();
    expect(await left()).toBe(3);
    const begun: unknown[] = [];
    page.on('request', (one) => one.url().endsWith('/api/ops/bulk/') && begun.push(one.postDataJSON()));
    await page.getByRole('button', { name: 'Delete (3)' }).dblclick();
    await page.getByText('3 of 3 done, 0 refused.').waitFor();
    expect(begun).toHaveLength(1);
    expect(await left()).toBe(0);
    await expectWell(opened);
    await page.close();
  });
});
