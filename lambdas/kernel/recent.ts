import type { Call } from './call';
import type { Operation } from './contract';

const KEPT_MS = 1_000;
/** Where reading is slow, an instance spends a tenth of its time on it at the most, up to these. */
const KEPT_LONGEST_MS = 10_000;
/** Pages may be megabytes. */
const MOST = 20;

interface Recent {
  result: unknown;
  madeAt: number;
  keptMs: number;
}

const recent = new Map<string, Recent>();

// however the machine's clock jumps
const isFresh = ({ madeAt, keptMs }: Recent): boolean => Math.abs(Date.now() - madeAt) < keptMs;

const isKept = ({ cache }: Operation, { header }: Call): boolean =>
  cache?.includes('s-maxage') === true && header('authorization') === undefined && header('x-api-key') === undefined;

/**
 * What a public read that shared caches may keep (`s-maxage`) has just given, if this instance made it for nobody in
 * particular: so a rush on one page costs an instance one read a second. It is kept for a second, or for ten times as long as
 * it took to make, up to ten seconds; a failure is not. With credentials it is always made anew: who has just changed
 * something sees it (RFC 9111, section 3.5, has shared caches do so).
 */
export async function recently<T>(operation: Operation, call: Call, make: () => Promise<T>): Promise<T> {
  if (!isKept(operation, call)) return make();
  const key = `${call.path} ${JSON.stringify(call.query)}`;
  const known = recent.get(key);
  if (known && isFresh(known)) return known.result as T;
  const begun = performance.now();
  const result = await make();
  const keptMs = Math.min(KEPT_LONGEST_MS, Math.max(KEPT_MS, 10 * (performance.now() - begun)));
  recent.delete(key);
  const [oldest] = recent.keys();
  if (recent.size >= MOST && oldest !== undefined) recent.delete(oldest);
  recent.set(key, { result, madeAt: Date.now(), keptMs });
  return result;
}
