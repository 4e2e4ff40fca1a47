import { calls, setFault } from '../support/faults';
import { openShop, type Shop } from './shop';

jest.setTimeout(300_000);

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

const sendCsv = (body: string, type = 'text/csv') =>
  shop.p.api('POST', '/api/clients/import/', { body, headers: { 'content-type': type } }, shop.operator);

/** Imports CSV and waits for it. @returns the import and what became of each line */
async function importing(csv: string, meanwhile: (id: string) => Promise<unknown> = async () => undefined) {
  const { status, body } = await sendCsv(csv);
  if (status !== 202) return { status, errors: body.errors };
  const path = `/api/clients/import/${body.id}/`;
  await meanwhile(body.id);
  await shop.p.settle(async () => (await shop.api('GET', path)).body.status === 'finished');
  const lines = await shop.api('GET', `${path}lines/?limit=200`);
  return { status, job: (await shop.api('GET', path)).body, lines: lines.body.results };
}

test('CSV goes in with a report for each line, and comes out again', async () => {
  const lines = Array.from({ length: 450 }, (_, index) => `7920${String(index).padStart(7, '0')},"in, bulk",Asia/Omsk`);
  lines[3] = '12345,x,UTC';
  lines[4] = lines[2] ?? '';
  lines[5] = '79200009999,x,Mars/Olympus';
  const csv = `phone_number,tag,timezone\r\n${lines.join('\r\n')}\r\n`;
  const started = await sendCsv(csv);
  expect([started.status, started.body.lines]).toEqual([202, 450]);
  const path = `/api/clients/import/${started.body.id}/`;
  await shop.p.settle(async () => (await shop.api('GET', path)).body.status === 'finished');
  expect((await shop.api('GET', path)).body).toMatchObject({ created: 447, updated: 0, unchanged: 0, refused: 3 });
  const { body } = await shop.api('GET', `${path}lines/?outcome=refused`);
  expect(body.results.map(({ line }: { line: number }) => line)).toEqual([5, 6, 7]);
  expect((await shop.api('GET', `${path}lines/?limit=200`)).body.results).toHaveLength(200);

  const again = await sendCsv(csv.replaceAll('Omsk', 'Tomsk'));
  const second = `/api/clients/import/${again.body.id}/`;
  await shop.p.settle(async () => (await shop.api('GET', second)).body.status === 'finished');
  expect((await shop.api('GET', second)).body).toMatchObject({ created: 0, updated: 447, refused: 3 });

  const exported = await shop.api('GET', '/api/clients/export/?tag=in,%20bulk');
  expect(exported.headers['content-type']).toBe('text/csv; charset=utf-8');
  const rows = exported.body.trim().split('\n');
  expect(rows).toHaveLength(448);
  expect(rows[1]).toMatch(/,"in, bulk",Asia\/Tomsk$/);
  expect((await importing(exported.body)).job).toMatchObject({ lines: 447, unchanged: 447 });
  expect((await sendCsv('name\nx\n')).status).toBe(422);
});

test('CSV as spreadsheets write it: semicolons, quotes, a byte order mark, blank fields', async () => {
  const { lines } = await importing(
    '\uFEFF"Phone_Number";tag;timezone;operator_code\r\n' +
      '79401112231;"a ""quoted""; tag";;\r\n' +
      '79401112232;;Asia/Omsk;940\r\n' +
      '79401112233;x;UTC;941\r\n' +
      '79401112234;x;UTC;940;more\r\n' +
      '79401112235;"two\nlines";UTC;940',
  );
  expect(lines).toMatchObject([
    { line: 2, outcome: 'created' },
    { line: 3, outcome: 'created' },
    { line: 4, outcome: 'refused', reason: 'operator_code: expected 940, digits 2 to 4 of the phone number' },
    { line: 5, outcome: 'refused', reason: 'line: has 5 fields, the heading 4' },
    { line: 6, outcome: 'refused', reason: expect.stringMatching(/^tag: /) },
  ]);
  const client = async (index: number) => (await shop.api('GET', `/api/clients/${lines[index].client}/`)).body;
  expect(await client(0)).toMatchObject({ tag: 'a "quoted"; tag', timezone: 'UTC' });
  expect(await client(1)).toMatchObject({ tag: null, timezone: 'Asia/Omsk' });
  expect((await importing('phone_number\n')).errors).toMatchObject([{ message: 'expected lines after the heading' }]);
  expect((await importing('phone_number,tag,tag\n1,2,3\n')).status).toBe(422);
  expect((await importing('')).status).toBe(422);
});

test('a line changes of a client what it says and nothing else: blank fields and columns that are not there stay', async () => {
  const fields = { phone_number: '79441112231', tag: "'=sum", timezone: 'Asia/Omsk' };
  const { body: client } = await shop.add(fields);
  const look = async () => (await shop.api('GET', `/api/clients/${client.id}/`)).body;
  expect((await importing('phone_number\n79441112231\n')).job).toMatchObject({ unchanged: 1 });
  expect((await importing('phone_number,tag,timezone,operator_code\n79441112231,,,\n')).job.unchanged).toBe(1);
  expect(await look()).toMatchObject(fields);
  const exported = await shop.api('GET', "/api/clients/export/?tag='=sum");
  expect(exported.body.split('\n')[1]).toContain("''=sum");
  expect((await importing(exported.body)).job).toMatchObject({ unchanged: 1 });
  expect((await importing('phone_number,tag,timezone\n79441112231,new,\n')).job).toMatchObject({ updated: 1 });
  expect(await look()).toMatchObject({ ...fields, tag: 'new' });
  expect((await importing('phone_number,operator_code\n79441112231,945\n')).job).toMatchObject({ refused: 1 });
});

test('CSV that cannot be clients is refused as a whole, before anything of it is stored', async () => {
  const refusal = async (csv: string) => {
    setFault(undefined);
    const { status, body } = await sendCsv(csv);
    expect(calls.filter(({ entry, command }) => entry === 'mailings/api' && /Put|Transact/.test(command))).toEqual([]);
    return [status, body.errors[0].message];
  };
  const open = `phone_number,tag\n79461112231,"x\n${'79461112232,y\n'.repeat(200)}`;
  expect(await refusal(open)).toEqual([
    422,
    expect.stringMatching(/^line 2 has \d+ letters, .*: is a quote left open\?$/),
  ]);
  expect(await refusal(`phone_number\n${'x\n'.repeat(2_000_000)}`)).toEqual([
    422,
    'expected at most 100000 lines: send the file in parts',
  ]);
  expect(await refusal(`phone_number\n${'\n'.repeat(2_000_000)}`)).toEqual([422, 'expected lines after the heading']);
  expect((await sendCsv('phone_number\n79461112233\n', 'application/json')).status).toBe(415);
  const { lines } = await importing('phone_number\n\n79461112233\n\r\n12\n\n');
  expect(lines).toMatchObject([
    { line: 3, outcome: 'created' },
    { line: 5, outcome: 'refused' },
  ]);
});

test('a client that exists is updated or left as it is; a line says which', async () => {
  await shop.add({ phone_number: '79421112231', tag: 'same' });
  await shop.add({ phone_number: '79421112232', tag: 'old' });
  const { job, lines } = await importing('phone_number,tag\n79421112231,same\n79421112232,new\n79421112233,new\n');
  expect(lines.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['unchanged', 'updated', 'created']);
  expect(job).toMatchObject({ lines: 3, created: 1, updated: 1, unchanged: 1, refused: 0 });
  expect((await shop.api('GET', `/api/clients/import/${lines[0].client}/`)).status).toBe(404);
  expect((await shop.api('GET', `/api/clients/import/${lines[0].client}/lines/`)).status).toBe(404);
});

test('a line whose worker died before it reported is told as what it did', async () => {
  await shop.add({ phone_number: '79471112231', tag: 'same' });
  await shop.add({ phone_number: '79471112232', tag: 'old' });
  let commits = 0;
  setFault(({ entry, command }) => {
    if (entry !== 'mailings/import' || !command.startsWith('Transact')) return undefined;
    // as if all were new, by what was read, and the report
    return ++commits === 3 ? 'before' : undefined;
  });
  const { lines } = await importing('phone_number,tag\n79471112231,same\n79471112232,new\n79471112233,new\n');
  setFault(undefined);
  expect(commits).toBeGreaterThan(3);
  expect(lines.map(({ outcome }: { outcome: string }) => outcome)).toEqual(['unchanged', 'updated', 'created']);
});

test('a piece that is given twice, whose worker dies, or that meets others at the same clients, counts once', async () => {
  const rows = Array.from({ length: 120 }, (_, index) => `7943${String(index).padStart(7, '0')},${index}`);
  const message = (id: string) => ({
    Records: [
      {
        messageId: 'again',
        receiptHandle: 'again',
        body: JSON.stringify({ id, piece: 0 }),
        attributes: { ApproximateReceiveCount: '1' },
      },
    ],
  });
  let ended = 0;
  setFault(({ entry, command }) => {
    if (entry !== 'mailings/import' || !command.startsWith('Transact') || ++ended > 2) return undefined;
    return 'after';
  });
  const { job, lines } = await importing(`phone_number,tag\n${rows.join('\n')}`, async (id) => {
    const run = () => shop.p.run('Mailings/Import/Function', message(id)).catch(() => undefined);
    await Promise.all([run(), run(), run()]);
    await Promise.all(['79430000003', '79430000077'].map((phone_number) => shop.add({ phone_number, tag: 'other' })));
  });
  setFault(undefined);
  expect(ended).toBeGreaterThan(2);
  expect(job).toMatchObject({ lines: 120, refused: 0 });
  expect(job.created + job.updated + job.unchanged).toBe(120);
  expect(new Set(lines.map(({ client }: { client: string }) => client)).size).toBe(120);
  await shop.p.run('Mailings/Import/Function', message(job.id));
  expect((await shop.api('GET', `/api/clients/import/${job.id}/`)).body).toEqual(job);
});

test('lists of lines go on where they ended', async () => {
  const rows = Array.from({ length: 1_100 }, (_, index) => `7945${String(index).padStart(7, '0')}`);
  const { job } = await importing(`phone_number\n${rows.join('\n')}`);
  const found: number[] = [];
  for (let next: string | null = `/api/clients/import/${job.id}/lines/?limit=190`; next; ) {
    const page: { results: { line: number }[]; next: string | null } = (await shop.api('GET', next)).body;
    found.push(...page.results.map(({ line }) => line));
    next = page.next;
  }
  expect(found).toEqual(Array.from({ length: 1_100 }, (_, index) => index + 2));
});
