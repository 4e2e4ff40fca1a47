import * as z from 'zod';
import { openCursor, sealCursor } from '../kernel/cursor';
import type { ListCall } from '../kernel/page';
import { table } from '../kernel/table';
import { ARRIVALS, JournalObject, readObject } from './journal';
import { contentOf, findReceipts, shown, transactionIdOf } from './receipts';
import type { Receipt } from './schema';

/** Where a page ended: in an object of the journal, before a line. */
const Position = z.object({ sk: z.string(), line: z.number() });

const LIST = '/api/checks';
/** Objects are read so many at once, and so often for a page at the most: those full of repeats give nothing. */
const OBJECTS = 10;
const ROUNDS = 10;

/** The stored receipts that the lines of an object made, newest first, each with its line. */
async function madeBy({ key, lane, lines: most = Number.MAX_SAFE_INTEGER }: JournalObject, before: number) {
  const lines = (await readObject(key)).slice(0, Math.min(before, most)).map((line, number) => ({ ...line, number }));
  const byId = lines.flatMap((line) => {
    const id = transactionIdOf(line.data);
    return id === undefined ? [] : [{ ...line, id }];
  });
  return async (count: number) => {
    const made: { number: number; receipt: z.input<typeof Receipt> }[] = [];
    for (let end = byId.length; end > 0 && made.length < count; end -= 100) {
      const part = byId.slice(Math.max(0, end - 100), end).reverse();
      const stored = await findReceipts(part.map(({ id }) => id));
      for (const { id, sequence, number } of part) {
        const one = stored.get(id);
        if (one?.lane === lane && one.sequence === sequence) made.push({ number, receipt: shown(contentOf(one)) });
      }
    }
    return made.slice(0, count);
  };
}

/** Receipts in the order in which they arrived, newest first: read from the journal, each at the line that made it. */
export async function listReceipts({ query: { limit, cursor } }: ListCall) {
  let position = cursor === undefined ? undefined : Position.parse(await openCursor(LIST, cursor));
  let more = true;
  const results: z.input<typeof Receipt>[] = [];
  for (let round = 0; round < ROUNDS && more && results.length < limit; round++) {
    const range = { partition: ARRIVALS, limit: OBJECTS, ...(position && { to: position.sk }) };
    const { items, lastKey } = await table().query(JournalObject, range);
    const { sk: reached, line } = position ?? { sk: undefined, line: 0 };
    const objects = await Promise.all(
      items.map((object) => madeBy(object, object.sk === reached ? line : Number.MAX_SAFE_INTEGER)),
    );
    more = lastKey !== undefined;
    for (const [index, newest] of objects.entries()) {
      const made = await newest(limit - results.length);
      results.push(...made.map(({ receipt }) => receipt));
      const full = results.length === limit;
      position = { sk: items[index]?.sk ?? '', line: full ? (made.at(-1)?.number ?? 0) : 0 };
      more ||= full;
      if (full) break;
    }
  }
  const next = more && position && `${LIST}/?limit=${limit}&cursor=${await sealCursor(LIST, position)}`;
  return { results, next: next || null };
}
