import { setTimeout as delay } from 'node:timers/promises';
import { deployed } from '../support/deployed';
import { endOne } from './end-one';

const LINES_A_PART = 5_000;

/** Distinct phone numbers, none of which ends in 0000: those the stand-in refuses for good. */
const numberOf = (first: number, index: number): number =>
  first + Math.floor(index / 9_999) * 10_000 + (index % 9_999) + 1;

/**
 * A mailing is sent while function processes are killed at random, the service fails now and then, and it is paused and
 * resumed; then each client must have one final message, the statistics must say so, and the service must know each id.
 */
export async function chaosOfMailings(emulatorPid: number, count: number): Promise<string> {
  const { http, admin } = await deployed();
  const headers = await admin();
  const started = Date.now();
  const tag = `chaos-${started}`;
  const first = 79_000_000_000 + (started % 10_000) * 100_000;
  const imports: string[] = [];
  for (let from = 0; from < count; from += LINES_A_PART) {
    const lines = Array.from(
      { length: Math.min(LINES_A_PART, count - from) },
      (_, one) => `${numberOf(first, from + one)},${tag}`,
    );
    const { body } = await http('POST', '/api/clients/import/', {
      body: `phone_number,tag\n${lines.join('\n')}`,
      headers: { ...headers, 'content-type': 'text/csv' },
    });
    imports.push(body.id);
  }
  for (const id of imports) {
    while ((await http('GET', `/api/clients/import/${id}/`, { headers })).body.status !== 'finished') await delay(500);
  }
  await http('PUT', '/sandbox/send/faults/', { headers, body: { mode: '500', rate: 0.1 } });
  const { body: mailing } = await http('POST', '/api/mailings/', {
    headers,
    body: {
      text: 'remember',
      filter: { tag },
      start_at: new Date().toISOString(),
      end_at: new Date(Date.now() + 6 * 3_600_000).toISOString(),
    },
  });
  let ended = 0;
  let stats = { status: '', total: 0, sent: 0, processing: 0 };
  for (let look = 1; stats.status !== 'finished'; look++) {
    if (Date.now() - started > 60 * 60_000) throw new Error(`not finished within the hour: ${JSON.stringify(stats)}`);
    await delay(500);
    if (stats.sent < count * 0.9 && look % 4 === 0 && endOne(emulatorPid)) ended++;
    if (look % 20 === 0) {
      await http('POST', `/api/mailings/${mailing.id}/pause/`, { headers });
      await http('POST', `/api/mailings/${mailing.id}/resume/`, { headers });
    }
    const answer = await http('GET', `/api/mailings/${mailing.id}/stats/`, { headers }).catch(() => undefined);
    if (answer?.status === 200) stats = answer.body;
  }
  await http('PUT', '/sandbox/send/faults/', { headers, body: { mode: 'none' } });
  if (stats.total !== count || stats.sent !== count || stats.processing !== 0) throw new Error(JSON.stringify(stats));
  const ids = new Set<string>();
  for (let next: string | null = `/api/mailings/${mailing.id}/messages/?limit=200`; next; ) {
    const { body } = await http('GET', next, { headers });
    for (const { id } of body.results) ids.add(id);
    next = body.next;
  }
  if (ids.size !== count) throw new Error(`${ids.size} messages are listed, expected ${count}`);
  const seconds = Math.round((Date.now() - started) / 1_000);
  return `${count} messages sent once each, ${ended} processes killed on the way, in ${seconds} s`;
}
