import * as z from 'zod';
import { expiry, timestamp } from '../kernel/clock';
import { type Commit, commit, commitIf } from '../kernel/commit';
import { newId } from '../kernel/id';
import { cutPage, type ListCall } from '../kernel/page';
import { invalid, notFound, Problem } from '../kernel/problem';
import { type Key, table, writeOne } from '../kernel/table';
import { changedClient, clientKey, clientWrites, newClient, PhoneOwner, phoneKey, StoredClient } from './clients';
import { parseCsv } from './csv';
import { ClientImport, LINE_OUTCOMES, type LineQuery, LineReport, NewClient } from './schema';

const imports = table();

/** Lines of one piece: what one call of the worker stores, in a few transactions. */
const PIECE_LINES = 200;
const KEPT_SECONDS = 30 * 24 * 3_600;
const PUTS_AT_ONCE = 20;
/** A new client is two items, a transaction has a hundred. */
const CLIENTS_A_TRANSACTION = 50;
const READS_A_CALL = 100;

const COLUMNS = ['phone_number', 'operator_code', 'tag', 'timezone'] as const;

/** "Store this piece of this import." */
export const ImportMessage = z.object({ id: z.string(), piece: z.int() });
export type ImportMessage = z.output<typeof ImportMessage>;

const StoredImport = z.object({
  id: z.string(),
  pieces: z.int(),
  done: z.int(),
  lines: z.int(),
  by: z.string(),
  created: z.int(),
  updated: z.int(),
  unchanged: z.int(),
  refused: z.int(),
  created_at: z.string(),
});

const StoredPiece = z.object({
  first_line: z.int(),
  columns: z.array(z.string()),
  /** JSON of its lines' fields: one value instead of hundreds, which is several times faster to store. */
  rows: z.string(),
  report: z.array(LineReport).optional(),
});

const importKey = (id: string): Key => ({ pk: `IMPORT#${id}`, sk: 'IMPORT' });
const pieceKey = (id: string, piece: number): Key => ({
  pk: `IMPORT#${id}`,
  sk: `PIECE#${String(piece).padStart(6, '0')}`,
});

/** An import as its readers may see it, and as its first answer is remembered. */
const shown = ({ done, pieces, ...job }: z.output<typeof StoredImport>): ClientImport =>
  ClientImport.parse({ ...job, status: done === pieces ? 'finished' : 'running' });

function checkHeading(columns: string[]): void {
  const unknown = columns.filter((column) => !COLUMNS.some((known) => known === column));
  if (unknown.length || !columns.includes('phone_number') || new Set(columns).size < columns.length) {
    const expected = 'phone_number, and any of operator_code, tag, timezone';
    throw invalid([
      { path: '', message: `expected a heading with ${expected}; got ${columns.join(', ').slice(0, 200)}` },
    ]);
  }
}

/**
 * Takes a CSV text: stores it in pieces, then, in one transaction, the import and a message for each piece. Pieces whose
 * import was never stored vanish with time. @throws Problem 422 for a heading that does not fit
 */
export async function startImport(
  csv: string,
  by: string,
  remember: (job: ClientImport) => Commit['idempotency'],
): Promise<ClientImport> {
  const [heading = [], ...rows] = parseCsv(csv);
  const columns = heading.map((column) => column.toLowerCase());
  checkHeading(columns);
  if (!rows.length) throw invalid([{ path: '', message: 'expected lines after the heading' }]);
  const id = newId();
  const count = Math.ceil(rows.length / PIECE_LINES);
  const store = (piece: number) =>
    writeOne(
      imports.put({
        ...pieceKey(id, piece),
        columns,
        first_line: 2 + piece * PIECE_LINES,
        rows: JSON.stringify(rows.slice(piece * PIECE_LINES, (piece + 1) * PIECE_LINES)),
        expires_at: expiry(KEPT_SECONDS),
      }),
    );
  const pieces = Array.from({ length: count }, (_, piece) => piece);
  for (let start = 0; start < count; start += PUTS_AT_ONCE) {
    await Promise.all(pieces.slice(start, start + PUTS_AT_ONCE).map(store));
  }
  const none = { created: 0, updated: 0, unchanged: 0, refused: 0 };
  const job = { id, pieces: count, done: 0, lines: rows.length, by, ...none, created_at: timestamp() };
  await commit({
    writes: [imports.put({ ...importKey(id), ...job, expires_at: expiry(KEPT_SECONDS) }, { exists: false })],
    emit: pieces.map((piece) => ({ queue: 'MAILINGS_IMPORT', message: { id, piece } satisfies ImportMessage })),
    idempotency: remember(shown(job)),
  });
  return shown(job);
}

/** @throws Problem 404 */
export async function getImport(id: string): Promise<ClientImport> {
  const found = await imports.find(StoredImport, importKey(id));
  if (!found) throw notFound('import');
  return shown(found);
}

interface LineCall extends ListCall {
  query: z.output<typeof LineQuery>;
}

const PIECES_A_PAGE = 10;

/** In the order of the file, as far as it is done. @throws Problem 404 */
export async function listLines(call: LineCall, id: string) {
  await getImport(id);
  const { limit, outcome } = call.query;
  return cutPage<LineReport, { piece: number; line: number }>(call, async (position) => {
    const results: LineReport[] = [];
    let { piece, line } = position ?? { piece: 0, line: 0 };
    for (let read = 0; read < PIECES_A_PAGE; read++, piece++) {
      const stored = await imports.find(StoredPiece, pieceKey(id, piece));
      if (!stored) return { results, position: undefined };
      for (const one of stored.report ?? []) {
        if (one.line <= line || (outcome && one.outcome !== outcome)) continue;
        if (results.length === limit) return { results, position: { piece, line } };
        results.push(one);
        line = one.line;
      }
    }
    return { results, position: { piece, line } };
  });
}

interface Line {
  line: number;
  fields: NewClient;
}

const reasonOf = (error: unknown): string => {
  if (error instanceof z.ZodError) {
    return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
  }
  if (error instanceof Problem)
    return error.errors?.map(({ path, message }) => `${path}: ${message}`).join('; ') ?? error.detail;
  throw error;
};

async function readMany<S extends z.ZodType>(schema: S, keys: Key[]): Promise<z.output<S>[]> {
  const found: z.output<S>[] = [];
  for (let start = 0; start < keys.length; start += READS_A_CALL) {
    found.push(...(await imports.findMany(schema, keys.slice(start, start + READS_A_CALL))));
  }
  return found;
}

/** The clients who have these phone numbers now, by number. */
async function ownersOf(phones: string[]): Promise<Map<string, StoredClient>> {
  const owners = await readMany(PhoneOwner, phones.map(phoneKey));
  const found = await readMany(
    StoredClient,
    owners.map(({ client }) => clientKey(client)),
  );
  return new Map(found.map((client) => [client.phone_number, client]));
}

const TRIES = 4;

/** Stores lines as they are met by what is stored now. Safe to run twice: what this import has made is known by its note. */
async function storeLines(lines: Line[], note: (line: number) => string, by: string): Promise<LineReport[]> {
  const report: LineReport[] = [];
  let left = lines;
  for (let attempt = 0; left.length; attempt++) {
    if (attempt === TRIES) throw new Error(`${left.length} clients are being changed by others`);
    const owners = await ownersOf(left.map(({ fields }) => fields.phone_number));
    const plans = left.flatMap((one) => {
      const { line, fields } = one;
      try {
        const before = owners.get(fields.phone_number);
        if (!before) {
          const after = newClient(fields, by, note(line));
          return [
            {
              one,
              writes: clientWrites(undefined, after),
              done: { line, outcome: 'created', client: after.id } as const,
            },
          ];
        }
        const after = changedClient(before, fields, by, note(line));
        const isOwn = before.history[0]?.what === note(line);
        const outcome = isOwn ? 'created' : after === before ? 'unchanged' : 'updated';
        const writes = after === before ? [] : clientWrites(before, after);
        return [{ one, writes, done: { line, outcome, client: before.id } as const }];
      } catch (error) {
        report.push({ line, outcome: 'refused', reason: reasonOf(error) });
        return [];
      }
    });
    left = [];
    const size = attempt === 0 ? CLIENTS_A_TRANSACTION : 1;
    for (let start = 0; start < plans.length; start += size) {
      const part = plans.slice(start, start + size);
      const writes = part.flatMap((plan) => plan.writes);
      if (!writes.length || (await commitIf({ writes }))) report.push(...part.map(({ done }) => done));
      else left.push(...part.map(({ one }) => one));
    }
  }
  return report;
}

function readRow(columns: string[], row: string[]): NewClient {
  const fields = Object.fromEntries(columns.map((column, index) => [column, row[index]]).filter(([, value]) => value));
  if (row.length > columns.length)
    throw invalid([{ path: 'line', message: `has ${row.length} fields, the heading ${columns.length}` }]);
  return NewClient.parse(fields);
}

/** Stores a piece of an import and its report. Safe to run twice: counts once. */
export async function importPiece({ id, piece }: ImportMessage): Promise<void> {
  const [job, stored] = await Promise.all([
    imports.find(StoredImport, importKey(id)),
    imports.find(StoredPiece, pieceKey(id, piece)),
  ]);
  if (!job || !stored || stored.report) return;
  const refused: LineReport[] = [];
  const seen = new Map<string, number>();
  const rows = JSON.parse(stored.rows) as string[][];
  const lines = rows.flatMap((row, index): Line[] => {
    const line = stored.first_line + index;
    try {
      const fields = readRow(stored.columns, row);
      const first = seen.get(fields.phone_number);
      if (first) throw invalid([{ path: 'phone_number', message: `is that of line ${first}` }]);
      seen.set(fields.phone_number, line);
      return [{ line, fields }];
    } catch (error) {
      refused.push({ line, outcome: 'refused', reason: reasonOf(error) });
      return [];
    }
  });
  const done = await storeLines(lines, (line) => `imported: line ${line} of ${id}`, job.by);
  const report = [...refused, ...done].sort((a, b) => a.line - b.line);
  const count = (outcome: LineReport['outcome']) => report.filter((one) => one.outcome === outcome).length;
  const counts = Object.fromEntries(LINE_OUTCOMES.map((outcome) => [outcome, count(outcome)]));
  await commitIf({
    writes: [
      imports.update(
        pieceKey(id, piece),
        { set: { report, rows: '[]' } },
        { exists: true, equals: { report: undefined } },
      ),
      imports.update(importKey(id), { add: { done: 1, ...counts } }, { exists: true }),
    ],
  });
}
