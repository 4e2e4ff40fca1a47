import { randomUUID } from 'node:crypto';
import { CHROMIUM } from './browser';
import { type Console, expectWell, goTo, LAPTOP, menuOf, openConsole, PHONE, person } from './console-story';
import { placeOrder } from './story';

jest.setTimeout(180_000);

let { on, headers, admin, open, close } = {} as Console;
beforeAll(async () => {
  ({ on, headers, admin, open, close } = await openConsole());
});
afterAll(() => close());

(CHROMIUM ? describe : describe.skip)('in the console', () => {
  test.each([
    ['a laptop', LAPTOP],
    ['a phone', PHONE],
  ])('on %s an order is followed until it is confirmed, without a reload', async (_, look) => {
    const { body: order } = await placeOrder(on, headers);
    const opened = await open(admin, look);
    const { page } = opened;
    await expectWell(opened, look);
    await goTo(page, `/orders?filter=${encodeURIComponent(JSON.stringify({ order_key: order.order_key }))}`);
    await page.getByText(order.order_key.slice(-4)).first().click();
    await page.getByRole('heading', { name: order.order_key }).waitFor();
    await page.getByText('confirmed', { exact: true }).first().waitFor();
    await page.getByRole('heading', { name: 'Timeline' }).waitFor();
    await page.getByText('the order was stored').waitFor();
    await expectWell(opened, look);
    await page.close();
  });

  test('a session outlives a reload and a deep link, and ends with a logout', async () => {
    const { page } = await open(admin);
    await goTo(page, `/users?filter=${encodeURIComponent(JSON.stringify({ search: 'admin' }))}`);
    await page.reload();
    await page.getByRole('cell', { name: 'admin', exact: true }).first().waitFor();
    // no answer is no logout: it is asked again
    await page.route('**/api/auth/session/refresh', (route) => route.abort(), { times: 1 });
    await page.reload();
    await page.getByRole('cell', { name: 'admin', exact: true }).first().waitFor();
    expect(page.url()).toContain(`${on.url}/#/users?filter=`);
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })')).not.toMatch(/eyJ|rt_/);
    await page.getByRole('button', { name: 'admin' }).click();
    await page.getByText('Logout').click();
    await page.getByLabel('Username').waitFor();
    await page.reload();
    await page.getByLabel('Username').waitFor();
    await page.close();
  });

  test('a page stays while its reads fail, and is left when there is no such thing, or the session is over', async () => {
    const { body: order } = await placeOrder(on, headers);
    const { page } = await open(admin);
    await goTo(page, `/orders/${order.uuid}/show`);
    await page.getByRole('heading', { name: order.order_key }).waitFor();
    const failed = page.waitForEvent('requestfailed');
    await page.route(`**/api/v1/data/orders/${order.uuid}/`, (route) => route.abort());
    await failed;
    await page.unroute(`**/api/v1/data/orders/${order.uuid}/`);
    await page.waitForResponse((one) => one.url().endsWith(`/${order.uuid}/`) && one.ok());
    expect(page.url()).toContain(`/orders/${order.uuid}/show`);
    await goTo(page, `/orders/${randomUUID()}/show`);
    await page.waitForURL(/#\/orders$/);
    await goTo(page, '/books');
    await page.getByText('Balanced').waitFor();
    await page.route('**/api/**', (route) => route.fulfill({ status: 401, json: {} }));
    await goTo(page, '/live');
    await page.getByLabel('Username').waitFor();
    await page.close();
  });

  test('users change their own password and go on, and operators show and rotate their webhook secret', async () => {
    const login = await person(on, headers, 'operator');
    const opened = await open(login);
    const { page } = opened;
    await page.getByRole('button', { name: login.username }).click();
    await page.getByText('Your account').click();
    await page.getByRole('button', { name: 'Change password' }).click();
    const fields = page.getByRole('dialog').locator('input[type=password]');
    const next = 'another horse, other batteries';
    await fields.nth(0).fill(login.password);
    await fields.nth(1).fill(next);
    await page.getByRole('dialog').getByRole('button', { name: 'Change password' }).click();
    await page.getByText('Done').waitFor();
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    const first = await page.getByText(/^whsec_/).textContent();
    await page.getByRole('button', { name: 'Rotate webhook secret' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate webhook secret' }).click();
    await page
      .getByText(/^whsec_/)
      .filter({ hasNotText: first ?? '' })
      .waitFor();
    await expectWell(opened);
    await page.reload();
    await page.getByText('Your account').first().waitFor();
    await page.close();
    await (await open({ ...login, password: next })).page.close();
  });

  test('everybody sees what they may, and the API refuses the rest when it is forced', async () => {
    const user = await open(await person(on, headers));
    expect(await menuOf(user.page)).toEqual(['Home', 'Orders', 'Products']);
    await goTo(user.page, '/users');
    await user.page
      .getByText(/access denied|not authorized|permission/i)
      .first()
      .waitFor();
    expect(user.wrong).toEqual([]);
    const analyst = await open(await person(on, headers, 'analyst'));
    const seen = await menuOf(analyst.page);
    expect(seen).toEqual(expect.arrayContaining(['Analytics', 'Receipts', 'Places']));
    for (const hidden of ['Users', 'API keys', 'Mailings', 'Tasks']) expect(seen).not.toContain(hidden);
    const operator = await open(await person(on, headers, 'operator'));
    expect(await menuOf(operator.page)).toEqual(expect.arrayContaining(['Tasks', 'Mailings', 'People']));
    expect(await menuOf(operator.page)).not.toContain('Users');
    await Promise.all([user, analyst, operator].map(({ page }) => page.close()));
  });

  test('a form shows problems at their fields, and what it makes is there', async () => {
    const opened = await open(admin);
    const { page, wrong } = opened;
    const digits = `7${String(Date.now()).slice(-10)}`;
    await goTo(page, '/clients/create');
    await page.getByLabel('Phone number').fill('123');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('expected 7 and ten digits').first().waitFor();
    expect(wrong.splice(0)).toEqual(expect.arrayContaining([expect.stringContaining('422')]));
    await page.getByLabel('Phone number').fill(digits);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: digits }).waitFor();
    await page.getByRole('link', { name: 'Edit', exact: true }).click();
    await page.getByLabel('Tag').fill('vip');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: digits }).waitFor();
    await page.getByText('vip', { exact: true }).first().waitFor();
    await expectWell(opened, LAPTOP);
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.waitForURL(/#\/clients$/);
    const { body } = await on.http('GET', '/api/clients/?limit=200', { headers });
    expect(JSON.stringify(body)).not.toContain(digits);
    await page.close();
  });

  test('changes a role, and finds that in the audit trail', async () => {
    const { uuid, username } = await person(on, headers);
    const opened = await open(admin);
    const { page } = opened;
    await goTo(page, `/users/${uuid}`);
    await page.getByLabel('Roles').click();
    await page.getByRole('option', { name: 'analyst' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: username }).waitFor();
    await page.getByRole('heading', { name: 'History' }).waitFor();
    await page.getByText('["analyst"]').first().waitFor();
    await goTo(page, `/audit?filter=${encodeURIComponent(JSON.stringify({ entity: 'user', entity_id: uuid }))}`);
    await page.getByText('changeUser').first().click();
    await page.getByRole('heading', { name: 'Changed' }).waitFor();
    await page.getByText('["analyst"]').first().waitFor();
    await expectWell(opened);
    await page.close();
  });

  test('makes an API key, and finds it by its prefix', async () => {
    const name = `till ${randomUUID()}`;
    const opened = await open(admin);
    const { page } = opened;
    await goTo(page, '/api-keys');
    await page.getByRole('button', { name: 'Create API key' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill(name);
    await dialog.getByLabel('Scopes').click();
    await page.getByRole('option', { name: 'receipts:write' }).click();
    await page.keyboard.press('Escape');
    await dialog.getByRole('button', { name: 'Create API key' }).click();
    const key = await dialog.getByText(/^mk_/).textContent();
    await dialog.getByRole('link', { name: 'Look at it' }).click();
    await page.getByRole('heading', { name }).waitFor();
    const prefix = key?.slice(3, 11);
    expect(new URL(page.url()).hash).toBe(`#/api-keys/${prefix}/show`);
    const { body } = await on.http('GET', `/api/api-keys/${prefix}/`, { headers });
    await page.locator('dl').getByText(body.id).waitFor();
    await expectWell(opened);
    await on.http('DELETE', `/api/api-keys/${prefix}/`, { headers });
    await page.close();
  });
});
