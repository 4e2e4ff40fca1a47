import { setTimeout as delay } from 'node:timers/promises';
import { type Deployed, deployed } from '../support/deployed';
import { quantile, report } from './statistics';

const STARTS = 50;
const LINES = 100_000;

type Headers = Record<string, string>;

let numbers = 0;

/** Sends clients with a tag as CSV and waits until they are stored. @returns the seconds until the answer and until the end */
async function importClients({ http }: Deployed, headers: Headers, tag: string, count: number) {
  // the stand-in refuses numbers that end in 0000
  const first = 79_000_000_001 + numbers;
  numbers += count;
  const lines = Array.from({ length: count }, (_, one) => `${first + one},${tag},Europe/Moscow`);
  const started = Date.now();
  const { status, body } = await http('POST', '/api/clients/import/', {
    body: `phone_number,tag,timezone\n${lines.join('\n')}`,
    headers: { ...headers, 'content-type': 'text/csv' },
  });
  if (status !== 202) throw new Error(`${status} ${JSON.stringify(body)}`);
  const accepted = (Date.now() - started) / 1_000;
  for (;;) {
    const { body: job } = await http('GET', `/api/clients/import/${body.id}/`, { headers });
    if (job.status !== 'finished') await delay(200);
    else if (job.refused) throw new Error(JSON.stringify(job));
    else return { accepted, stored: (Date.now() - started) / 1_000 };
  }
}

async function mail({ http }: Deployed, headers: Headers, tag: string, start: number): Promise<string> {
  const times = { start_at: new Date(start).toISOString(), end_at: new Date(start + 3_600_000).toISOString() };
  const { body } = await http('POST', '/api/mailings/', {
    headers,
    body: { text: 'bench', filter: { tag }, ...times },
  });
  return body.id;
}

/** The seconds from a mailing's creation until each of its messages is final. */
async function finalAfter(stack: Deployed, headers: Headers, tag: string, count: number): Promise<number> {
  const started = Date.now();
  const mailing = await mail(stack, headers, tag, started);
  for (;;) {
    await delay(100);
    const { total, processing, sent } = (await stack.http('GET', `/api/mailings/${mailing}/stats/`, { headers })).body;
    if (total < count || processing > 0) continue;
    if (sent !== count) throw new Error(`${sent} of ${count} were sent`);
    return (Date.now() - started) / 1_000;
  }
}

/** How many milliseconds after the start that they have in common each of some mailings had its message in the ledger. */
async function lateness(stack: Deployed, headers: Headers, tag: string, count: number): Promise<number[]> {
  const start = Date.now() + 20_000;
  const ids: string[] = [];
  for (let one = 0; one < count; one++) ids.push(await mail(stack, headers, tag, start));
  // who looks on takes a part of the machine
  await delay(start + 5_000 - Date.now());
  const late: number[] = [];
  for (const id of ids) {
    for (;;) {
      const { body } = await stack.http('GET', `/api/mailings/${id}/messages/`, { headers });
      const [message] = body.results;
      if (message) {
        late.push(Date.parse(message.created_at) - start);
        break;
      }
      await delay(200);
    }
  }
  return late;
}

async function exportSeconds({ http }: Deployed, headers: Headers, tag: string, count: number): Promise<number> {
  const started = Date.now();
  let lines = 0;
  for (let next: string | undefined = `/api/clients/export/?tag=${tag}`; next; ) {
    const answer: { body: unknown; headers: globalThis.Headers } = await http('GET', next, { headers });
    if (typeof answer.body !== 'string') throw new Error(JSON.stringify(answer.body));
    lines += answer.body.trim().split('\n').length - 1;
    next = /<(.*)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  if (lines !== count) throw new Error(`${lines} lines of ${count} were exported`);
  return (Date.now() - started) / 1_000;
}

/**
 * A mailing to so many clients until each message is final, the rate open and the sandbox's send service a process of its
 * own; how late mailings start; how long CSV of many lines takes in and out.
 */
export async function mailings(short: boolean): Promise<void> {
  const stack = await deployed();
  const headers = await stack.admin();
  const count = short ? 200 : 1_000;
  await importClients(stack, headers, 'bench', count);
  await importClients(stack, headers, 'bench-one', 1);
  // processes of functions are started by the first one
  await finalAfter(stack, headers, 'bench', count);
  const seconds = await finalAfter(stack, headers, 'bench', count);
  report(`mailing of ${count} messages, all final`, seconds, 's', 'aim 2.5 for 1,000');

  const late = await lateness(stack, headers, 'bench-one', short ? 10 : STARTS);
  report('start of a mailing after start_at, p50', quantile(late, 0.5), 'ms');
  report('start of a mailing after start_at, p99', quantile(late, 0.99), 'ms', 'aim 2,000');

  const lines = short ? 2_000 : LINES;
  const { accepted, stored } = await importClients(stack, headers, 'bench-csv', lines);
  report(`CSV of ${lines} lines taken`, accepted, 's');
  report(`CSV of ${lines} lines stored, with a report for each`, stored, 's');
  report(`CSV of ${lines} lines exported`, await exportSeconds(stack, headers, 'bench-csv', lines), 's');
}
