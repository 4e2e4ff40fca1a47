import { setTimeout as pause } from 'node:timers/promises';
import { call, isEmpty } from './api';

const CLIENTS = 24;
const TAG = 'sample';
const ZONES = ['Europe/Moscow', 'Asia/Omsk', 'Europe/Samara'];
const PATIENCE_MS = 10_000;

/**
 * Imports some clients and writes to them, unless there are mailings or an outside send service is set: that one would
 * send. The stand-in keeps what it is sent.
 * @param url base address of the API
 */
export async function firstMailing(url: string, headers: Record<string, string>): Promise<void> {
  if (process.env['SEND_API_URL']) return;
  const mailings = `${url}/api/mailings/`;
  if (!(await isEmpty(mailings, headers))) return;
  const lines = Array.from({ length: CLIENTS }, (_, number) =>
    [79_005_551_001 + number, TAG, ZONES[number % ZONES.length]].join(','),
  );
  const csv = ['phone_number,tag,timezone', ...lines].join('\n');
  const type = { 'content-type': 'text/csv' };
  const { id } = await call<{ id: string }>(`${url}/api/clients/import/`, csv, { ...headers, ...type });
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await pause(200)) {
    const { status } = await call<{ status: string }>(`${url}/api/clients/import/${id}/`, undefined, headers);
    if (status === 'finished') break;
  }
  const [start_at, end_at] = [0, 24 * 3_600_000].map((ms) => new Date(Date.now() + ms).toISOString());
  await call(mailings, { text: 'Your order is ready', filter: { tag: TAG }, start_at, end_at }, headers);
}
