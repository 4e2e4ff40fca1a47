import type { Call } from './call';
import type { Operation } from './contract';

const FRESH_MS = 1_000;
/** Pages may be megabytes. */
const MOST = 20;

const recent = new Map<string, { at: number; result: Promise<unknown> }>();

/**
 * What a public read that others may keep (`cache`) has just given, if this instance made it within the last second for
 * nobody in particular: so a rush on one page costs one read a second, and those at once share one. With credentials it is
 * always made anew: who has just changed something sees it (RFC 9111, section 3.5, has shared caches do so).
 */
export function recently<T>(operation: Operation, call: Call, make: () => Promise<T>): Promise<T> {
  const { cache } = operation;
  if (!cache || call.header('authorization') !== undefined || call.header('x-api-key') !== undefined) return make();
  const key = `${call.path} ${JSON.stringify(call.query)}`;
  const known = recent.get(key);
  // however the machine's clock jumps
  if (known && Math.abs(Date.now() - known.at) < FRESH_MS) return known.result as Promise<T>;
  recent.delete(key);
  const [oldest] = recent.keys();
  if (recent.size >= MOST && oldest !== undefined) recent.delete(oldest);
  const result = make();
  recent.set(key, { at: Date.now(), result });
  result.catch(() => recent.delete(key));
  return result;
}
