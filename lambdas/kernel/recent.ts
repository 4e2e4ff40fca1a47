import type { Call } from './call';
import type { Operation } from './contract';

const KEPT_MS = 1_000;
/** Where reading is slow, an instance spends a tenth of its time on it at the most, up to these. */
const KEPT_LONGEST_MS = 10_000;
/** Pages may be megabytes. */
const MOST = 20;

interface Recent {
  result: Promise<unknown>;
  /** When it was made and how long it is kept from then on; not there while it is being made. */
  kept?: { since: number; ms: number };
}

const recent = new Map<string, Recent>();

// however the machine's clock jumps
const isFresh = ({ kept }: Recent): boolean => !kept || Math.abs(Date.now() - kept.since) < kept.ms;

const isKept = ({ cache }: Operation, { header }: Call): boolean =>
  cache?.includes('s-maxage') === true && header('authorization') === undefined && header('x-api-key') === undefined;

/**
 * What a public read that shared caches may keep (`s-maxage`) has just given, if this instance made it for nobody in
 * particular: so a rush on one page costs one read a second, and those at once share one. It is kept for a second, or for ten
 * times as long as it took to make, up to ten seconds. With credentials it is always made anew: who has just changed
 * something sees it (RFC 9111, section 3.5, has shared caches do so).
 */
export function recently<T>(operation: Operation, call: Call, make: () => Promise<T>): Promise<T> {
  if (!isKept(operation, call)) return make();
  const key = `${call.path} ${JSON.stringify(call.query)}`;
  const known = recent.get(key);
  if (known && isFresh(known)) return known.result as Promise<T>;
  recent.delete(key);
  const [oldest] = recent.keys();
  if (recent.size >= MOST && oldest !== undefined) recent.delete(oldest);
  const begun = performance.now();
  const result = make();
  const entry: Recent = { result };
  recent.set(key, entry);
  result.then(
    () => {
      const ms = Math.min(KEPT_LONGEST_MS, Math.max(KEPT_MS, 10 * (performance.now() - begun)));
      entry.kept = { since: Date.now(), ms };
    },
    () => recent.delete(key),
  );
  return result;
}
