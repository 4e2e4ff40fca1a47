import { type Deployed, deployed } from '../support/deployed';
import { eventually } from '../support/processes';
import { finished, importClients, mail } from './mailings-story';

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

jest.setTimeout(300_000);

let stack: Deployed;
let headers: Record<string, string>;
beforeAll(async () => {
  stack = await deployed();
  headers = await stack.admin();
});

test('a mailing goes from CSV to the service, each client once, through failures of the service', async () => {
  const tag = `e2e-${Date.now()}`;
  await importClients(stack, headers, tag, Array(40).fill('Europe/Moscow'));
  const faults = (mode: string, rate: number) =>
    stack.http('PUT', '/sandbox/send/faults/', { headers, body: { mode, rate } });
  expect((await faults('500', 0.3)).status).toBe(200);
  try {
    const mailing = await mail(stack, headers, { filter: { tag }, start_at: inMs(1_000), end_at: inMs(600_000) });
    const messages = () => stack.http('GET', `/api/mailings/${mailing}/messages/?limit=200`, { headers });
    await eventually(
      'some are tried again',
      async () =>
        (await messages()).body.results.some(
          ({ attempts, status }: { attempts: number; status: string }) => attempts > 0 && status === 'processing',
        ),
      60_000,
    );
    await faults('none', 1);
    expect(await finished(stack, headers, mailing)).toMatchObject({ total: 40, sent: 40, processing: 0 });
    const list = await messages();
    expect(list.body.results).toHaveLength(40);
    for (const { id } of list.body.results.slice(0, 10)) {
      const { status } = await stack.http('GET', `/sandbox/send/v1/sent/${id}`);
      expect(status).toBe(200);
    }
  } finally {
    await faults('none', 1);
  }
});
