import * as z from 'zod';
import { expiry } from '../kernel/clock';
import { type Key, table, type Write } from '../kernel/table';
import { type Bins, binOf } from './histogram';

const counts = table();

/** What is told of a task's end. */
export const TaskEnd = z.object({
  task_id: z.string(),
  name: z.string(),
  state: z.enum(['SUCCESS', 'FAILURE', 'REVOKED']),
  created_at: z.string(),
  started_at: z.string().nullable(),
  ended_at: z.string(),
});
export type TaskEnd = z.output<typeof TaskEnd>;

/** Spans that are counted, with how long the counts are kept; `all` is for ever. */
export const SPANS = {
  minute: { seconds: 60, kept: 3 * 3_600 },
  halfhour: { seconds: 1_800, kept: 3 * 86_400 },
  all: { seconds: 0, kept: 0 },
} as const;
export type Span = keyof typeof SPANS;

/** Counters of a span are spread over so many items that batches seldom meet. */
const PARTS = 4;

export const startOf = (span: Span, at: string): string => {
  const step = SPANS[span].seconds * 1_000;
  return step ? new Date(Math.floor(Date.parse(at) / step) * step).toISOString() : 'all';
};

const spanKey = (span: Span, start: string, part: number): Key => ({ pk: `TASKS#${span}`, sk: `${start}#${part}` });

const millis = (from: string, to: string): number => Math.max(0, Date.parse(to) - Date.parse(from));

/** What a task's end adds to each of its spans: flat, for DynamoDB adds to attributes of the item itself. */
function amountsOf({ state, name, created_at, started_at, ended_at }: TaskEnd): Record<string, number> {
  const ended = { [`n:${state}:${name}`]: 1 };
  if (state === 'REVOKED' || started_at === null) return ended;
  const [ran, waited] = [millis(started_at, ended_at), millis(created_at, started_at)];
  return { ...ended, [`r:${binOf(ran)}`]: 1, [`w:${binOf(waited)}`]: 1, 'ms:r': ran, 'ms:w': waited };
}

/** The writes that count some ends: one a span that they fall into. */
export function countWrites(ends: TaskEnd[]): Write[] {
  const part = Math.floor(Math.random() * PARTS);
  const spans = new Map<string, { span: Span; start: string; add: Record<string, number> }>();
  for (const end of ends) {
    for (const span of Object.keys(SPANS) as Span[]) {
      const start = startOf(span, end.ended_at);
      const entry = spans.get(`${span} ${start}`) ?? { span, start, add: {} };
      for (const [name, amount] of Object.entries(amountsOf(end))) entry.add[name] = (entry.add[name] ?? 0) + amount;
      spans.set(`${span} ${start}`, entry);
    }
  }
  return [...spans.values()].map(({ span, start, add }) => {
    const { kept } = SPANS[span];
    return counts.update(spanKey(span, start, part), { add, ...(kept && { set: { expires_at: expiry(kept) } }) });
  });
}

export interface SpanCounts {
  start: string;
  /** By state and name. */
  ended: { state: string; name: string; count: number }[];
  runtime: Bins;
  wait: Bins;
  /** Milliseconds in all. */
  ran: number;
  waited: number;
}

const StoredCounts = z.object({ sk: z.string() }).catchall(z.unknown());

const nothing = (start: string): SpanCounts => ({
  start,
  ended: [],
  runtime: new Map(),
  wait: new Map(),
  ran: 0,
  waited: 0,
});

const addTo = (bins: Bins, bin: number, count: number): void => {
  bins.set(bin, (bins.get(bin) ?? 0) + count);
};

function enter(into: SpanCounts, attribute: string, count: number): void {
  const [kind, what = '', name = ''] = attribute.split(':');
  if (kind === 'r') addTo(into.runtime, Number(what), count);
  else if (kind === 'w') addTo(into.wait, Number(what), count);
  else if (kind === 'ms' && what === 'r') into.ran += count;
  else if (kind === 'ms') into.waited += count;
  else if (kind === 'n') {
    const known = into.ended.find((one) => one.state === what && one.name === name);
    if (known) known.count += count;
    else into.ended.push({ state: what, name, count });
  }
}

/** The counts of a span from a time on, by their start, oldest first; spans without any are left out. One query. */
export async function readCounts(span: Span, from: string): Promise<SpanCounts[]> {
  const found = new Map<string, SpanCounts>();
  let startKey: Record<string, unknown> | undefined;
  do {
    const range = { partition: `TASKS#${span}`, from, ascending: true, startKey, consistent: true };
    const { items, lastKey } = await counts.query(StoredCounts, range);
    for (const { sk, ...attributes } of items) {
      const [start = ''] = sk.split('#');
      const into = found.get(start) ?? nothing(start);
      found.set(start, into);
      for (const [name, count] of Object.entries(attributes)) enter(into, name, Number(count));
    }
    startKey = lastKey;
  } while (startKey);
  return [...found.values()];
}

/** Several spans as one. */
export function sumOf(spans: SpanCounts[]): SpanCounts {
  const all = nothing('');
  for (const { ended, runtime, wait, ran, waited } of spans) {
    for (const { state, name, count } of ended) enter(all, `n:${state}:${name}`, count);
    for (const [bin, count] of runtime) addTo(all.runtime, bin, count);
    for (const [bin, count] of wait) addTo(all.wait, bin, count);
    all.ran += ran;
    all.waited += waited;
  }
  return all;
}
