import { deployed } from '../support/deployed';
import { startEmulator } from '../support/emulator-setup';
import { ownDeployment } from '../support/own-deployment';
import { productWithOffers } from './catalogue-story';
import { finished, importClients, mail } from './mailings-story';
import { everythingAnswers, throughTheDesk } from './operations-story';
import { collectPeople } from './profiles-story';
import { expectCountedOnce } from './receipts-story';
import { confirmed, newUser, placeOrder } from './story';

test("the functions' roles hold: the main story passes again after a restart, with their policies enforced", async () => {
  const { port, dir, stop, remove } = await ownDeployment();
  const before = await deployed(port);
  const first = await newUser(before);
  await confirmed(before, first, (await placeOrder(before, first)).body.uuid);
  await stop();
  // the same state, now with every call checked against the role that makes it
  const enforcing = await startEmulator({ port, dir, enforceIam: true });
  try {
    const stack = await deployed(port);
    const headers = await newUser(stack);
    const { status, body } = await placeOrder(stack, headers);
    expect(status).toBe(201);
    await confirmed(stack, headers, body.uuid);
    const admin = await stack.admin();
    const tasks = await stack.http('GET', '/api/v1/consumer/tasks/', { headers: admin });
    expect(tasks.body.results[0]).toMatchObject({ state: 'SUCCESS', task_id: body.task_id });
    const trail = await stack.http('GET', `/api/audit/?entity=order&entity_id=${body.uuid}`, { headers: admin });
    expect(trail.body.results).toMatchObject([{ operation: 'placeOrder', after: { uuid: body.uuid } }]);
    await productWithOffers(stack, admin, 'Table of roles');
    await collectPeople(stack, admin, 1);
    await expectCountedOnce(stack, 20);
    await importClients(stack, admin, 'roles', ['Europe/Moscow', 'Asia/Omsk']);
    const times = { start_at: new Date(), end_at: new Date(Date.now() + 3_600_000) };
    const mailing = await mail(stack, admin, { filter: { tag: 'roles' }, ...times });
    expect(await finished(stack, admin, mailing)).toMatchObject({ total: 2, sent: 2 });
    await everythingAnswers(stack, admin);
    await throughTheDesk(stack, admin, { byHand: true });
  } finally {
    await enforcing.stop();
    remove();
  }
}, 500_000);
