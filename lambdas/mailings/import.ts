import * as z from 'zod';
import { expiry, timestamp } from '../kernel/clock';
import { type Commit, commit, commitIf } from '../kernel/commit';
import { newId } from '../kernel/id';
import { cutPage, type ListCall } from '../kernel/page';
import { inParallel } from '../kernel/parallel';
import { invalid, notFound } from '../kernel/problem';
import { type Key, table, writeOne } from '../kernel/table';
import { parseCsv, type Row } from './csv';
import { readLines, storeLines } from './import-lines';
import { ClientImport, LINE_OUTCOMES, type LineQuery, LineReport } from './schema';

const imports = table();

/** Lines of one import at the most, and the letters of a line: whatever is longer is no client, but a quote without an end. */
const LINES = 100_000;
const LINE_LENGTH = 1_000;
/** What one call of the worker stores: so many lines, and no more bytes than an item takes (400 KB). */
const PIECE_LINES = 1_000;
const PIECE_BYTES = 300_000;
const KEPT_SECONDS = 30 * 24 * 3_600;
const PUTS_AT_ONCE = 20;

/** The export has `id` too; whose line it is says the phone number alone. */
const COLUMNS = ['id', 'phone_number', 'operator_code', 'tag', 'timezone'] as const;

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
  columns: z.array(z.string()),
  /** JSON of its lines: one value instead of thousands, which is several times faster to store. */
  rows: z.string(),
  /** JSON of what became of them. */
  report: z.string().optional(),
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
    const expected = 'phone_number, and any of operator_code, tag, timezone, id';
    throw invalid([
      { path: '', message: `expected a heading with ${expected}; got ${columns.join(', ').slice(0, 200)}` },
    ]);
  }
}

/** The heading of a CSV text and its lines. @throws Problem 422 for what cannot be clients, before all is read */
function readCsv(csv: string): { columns: string[]; rows: Row[] } {
  const all = parseCsv(csv);
  const [, ...heading] = all.next().value ?? [];
  const columns = heading.map((column: string) => column.toLowerCase());
  checkHeading(columns);
  const rows: Row[] = [];
  const refuse = (message: string) => invalid([{ path: '', message }]);
  for (const row of all) {
    const [line, ...fields] = row;
    const { length } = fields.join();
    if (length > LINE_LENGTH)
      throw refuse(`line ${line} has ${length} letters, expected at most ${LINE_LENGTH}: is a quote left open?`);
    if (rows.push(row) > LINES) throw refuse(`expected at most ${LINES} lines: send the file in parts`);
  }
  if (!rows.length) throw refuse('expected lines after the heading');
  return { columns, rows };
}

/** Rows as JSON, in pieces that fit into an item. */
function* piecesOf(rows: Row[]): Generator<string> {
  let piece: string[] = [];
  let bytes = 0;
  for (const row of rows) {
    const text = JSON.stringify(row);
    const more = Buffer.byteLength(text);
    if (piece.length === PIECE_LINES || bytes + more > PIECE_BYTES) {
      yield `[${piece.join()}]`;
      piece = [];
      bytes = 0;
    }
    piece.push(text);
    bytes += more;
  }
  yield `[${piece.join()}]`;
}

/**
 * Takes a CSV text: stores it in pieces, then, in one transaction, the import and a message for each piece. Pieces whose
 * import was never stored vanish with time. @throws Problem 422 for a heading that does not fit, too many lines or one too long
 */
export async function startImport(
  csv: string,
  by: string,
  remember: (job: ClientImport) => Commit['idempotency'],
): Promise<ClientImport> {
  const { columns, rows } = readCsv(csv);
  const pieces = [...piecesOf(rows)];
  const id = newId();
  const expires_at = expiry(KEPT_SECONDS);
  await inParallel(PUTS_AT_ONCE, [...pieces.entries()], ([piece, text]) =>
    writeOne(imports.put({ ...pieceKey(id, piece), columns, rows: text, expires_at })),
  );
  const none = { created: 0, updated: 0, unchanged: 0, refused: 0 };
  const job = { id, pieces: pieces.length, done: 0, lines: rows.length, by, ...none, created_at: timestamp() };
  await commit({
    writes: [imports.put({ ...importKey(id), ...job, expires_at }, { exists: false })],
    emit: [...pieces.keys()].map((piece) => ({
      queue: 'MAILINGS_IMPORT',
      message: { id, piece } satisfies ImportMessage,
    })),
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

const reportOf = (report = '[]'): LineReport[] => z.array(LineReport).parse(JSON.parse(report));

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
      for (const one of reportOf(stored.report)) {
        if (one.line <= line || (outcome && one.outcome !== outcome)) continue;
        if (results.length === limit) return { results, position: { piece, line } };
        results.push(one);
        line = one.line;
      }
    }
    return { results, position: { piece, line } };
  });
}

/** Stores a piece of an import and its report. Safe to run twice: counts once. */
export async function importPiece({ id, piece }: ImportMessage): Promise<void> {
  const [job, stored] = await Promise.all([
    imports.find(StoredImport, importKey(id)),
    imports.find(StoredPiece, pieceKey(id, piece)),
  ]);
  if (!job || !stored || stored.report) return;
  const { lines, refused } = readLines(stored.columns, JSON.parse(stored.rows) as Row[]);
  const done = await storeLines(lines, { by: job.by, note: (line) => `imported: line ${line} of ${id}` });
  const report = [...refused, ...done].sort((a, b) => a.line - b.line);
  const count = (outcome: LineReport['outcome']) => report.filter((one) => one.outcome === outcome).length;
  const counts = Object.fromEntries(LINE_OUTCOMES.map((outcome) => [outcome, count(outcome)]));
  await commitIf({
    writes: [
      imports.update(
        pieceKey(id, piece),
        { set: { report: JSON.stringify(report), rows: '[]' } },
        { exists: true, equals: { report: undefined } },
      ),
      imports.update(importKey(id), { add: { done: 1, ...counts } }, { exists: true }),
    ],
  });
}
