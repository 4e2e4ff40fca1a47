import { setTimeout as pause } from 'node:timers/promises';
import { Trouble } from './screen.cjs';

/**
 * Makes a fresh deployment worth looking at; safe to run again.
 * @param url base address of the API
 * @throws {Trouble} when the API does not answer within a minute
 */
export async function firstData(url: string): Promise<void> {
  let last = 'no answer';
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; await pause(100)) {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(30_000) }).catch(() => undefined);
    if (response?.status === 200) return;
    if (response) last = `HTTP ${response.status}`;
  }
  throw new Trouble(
    `The API does not answer at ${url}/healthz (${last}).`,
    'Its functions say why in their logs: npm start shows them.',
  );
}
