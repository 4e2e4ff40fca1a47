import { setTimeout as pause } from 'node:timers/promises';
import { env } from '../kernel/env';
import { log } from '../kernel/log';
import { findNeighbour } from '../kernel/neighbour';
import { NoAnswer, request } from '../kernel/request';
import { RECORDS, type Resource } from './schema';

/** The source gave no batch; the message says why, without anything of what it sent. */
export class SourceFailed extends Error {
  override readonly name = 'SourceFailed';
  constructor(
    reason: string,
    /** Seconds that it asked to wait. */
    readonly retryAfter = 0,
    /** Asking again soon may help. */
    readonly passing = true,
  ) {
    super(reason);
  }
}

export interface FetchedBatch {
  records: unknown[];
  /** When the answer was asked for, by the machine's clock: orders answers. */
  at: string;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A batch may be a single object: one of this resource has at least one of its fields. */
const isRecord = (resource: Resource, value: unknown): boolean =>
  isObject(value) && Object.keys(RECORDS[resource].shape).some((name) => name in value);

/** The records in the text of an answer. JSON's own error would quote the text, and with it what must not be kept. */
function recordsIn(resource: Resource, text: string): unknown[] {
  if (/^\W*retry later\W*$/i.test(text)) throw new SourceFailed('the source asks to retry later');
  if (!text.trim()) throw new SourceFailed('the answer is empty');
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new SourceFailed(`the answer is not JSON (${text.length} characters)`);
  }
  if (Array.isArray(body)) {
    if (!body.length) throw new SourceFailed('the list is empty');
    return body;
  }
  if (!isRecord(resource, body)) throw new SourceFailed('the answer is neither a list nor a record');
  return [body];
}

/** A hundred records take some 100 KB. */
const MAX_BYTES = 2_000_000;

async function ask(resource: Resource, size: number): Promise<FetchedBatch> {
  const base = findNeighbour('RANDOM_DATA_API_URL', 'random-data');
  if (!base) throw new SourceFailed('no source is set: RANDOM_DATA_API_URL', 0, false);
  const at = new Date().toISOString();
  const headers = { accept: 'application/json', 'user-agent': 'Mercato-Profiles/1' };
  const {
    status,
    headers: answered,
    text,
  } = await request({
    method: 'GET',
    url: `${base}/api/v2/${resource}?size=${size}`,
    headers,
    timeoutMs: Number(env('SOURCE_TIMEOUT_MS')),
    maxBytes: MAX_BYTES,
  }).catch((error: unknown) => {
    throw error instanceof NoAnswer ? new SourceFailed(error.message) : error;
  });
  if (status !== 200) {
    const passing = status >= 500 || status === 429 || status === 408;
    throw new SourceFailed(`the source answered ${status}`, Number(answered['retry-after']) || 0, passing);
  }
  return { records: recordsIn(resource, text), at };
}

const ATTEMPTS = 4;
/** An attempt with what follows it has to end before the function does. */
const RESERVE_MS = 12_000;

/**
 * One batch from the Random Data API (v2). Asks up to four times, waiting 1, 2 and 4 s in between (half of it jitter), longer
 * where `Retry-After` says so, and no longer than `remainingMs` allows.
 * @param onAttempt called before each request
 * @throws SourceFailed with the last attempt's reason
 */
export async function fetchBatch(
  resource: Resource,
  size: number,
  remainingMs: () => number,
  onAttempt: () => void,
): Promise<FetchedBatch> {
  for (let attempt = 1; ; attempt++) {
    onAttempt();
    try {
      return await ask(resource, size);
    } catch (error) {
      if (!(error instanceof SourceFailed)) throw error;
      const grown = Number(env('SOURCE_RETRY_MS')) * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
      const waitMs = Math.max(grown, error.retryAfter * 1_000);
      log('warn', 'the source gave no batch', { resource, attempt, reason: error.message });
      if (!error.passing || attempt === ATTEMPTS || remainingMs() - waitMs < RESERVE_MS) throw error;
      await pause(waitMs);
    }
  }
}
