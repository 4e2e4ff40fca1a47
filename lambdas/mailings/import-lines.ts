import * as z from 'zod';
import { commitIf } from '../kernel/commit';
import { inParallel } from '../kernel/parallel';
import { invalid, Problem } from '../kernel/problem';
import { type Key, table } from '../kernel/table';
import { changedClient, clientKey, clientWrites, newClient, PhoneOwner, phoneKey, StoredClient } from './clients';
import { plainField, type Row } from './csv';
import { ClientChange, type LineReport, NewClient } from './schema';

const clients = table();

/** What a line says of a client: the columns that are there and not blank. */
const Given = ClientChange.required({ phone_number: true });

export interface Line {
  line: number;
  given: z.output<typeof Given>;
}

const REASON_LENGTH = 200;

const refusal = (line: number, error: unknown): LineReport => {
  const reason =
    error instanceof z.ZodError
      ? error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
      : error instanceof Problem &&
        (error.errors?.map(({ path, message }) => `${path}: ${message}`).join('; ') ?? error.detail);
  if (reason === false) throw error;
  return { line, outcome: 'refused', reason: reason.slice(0, REASON_LENGTH) };
};

function readRow(columns: string[], fields: string[]): Line['given'] {
  const given = columns.map((column, index) => [column, plainField(fields[index] ?? '')]).filter(([, value]) => value);
  if (fields.length > columns.length)
    throw invalid([{ path: 'line', message: `has ${fields.length} fields, the heading ${columns.length}` }]);
  return Given.parse(Object.fromEntries(given));
}

/** The lines that name a client each, none twice, and a report of those that do not. */
export function readLines(columns: string[], rows: Row[]): { lines: Line[]; refused: LineReport[] } {
  const lines: Line[] = [];
  const refused: LineReport[] = [];
  const seen = new Map<string, number>();
  for (const [line, ...fields] of rows) {
    try {
      const given = readRow(columns, fields);
      const first = seen.get(given.phone_number);
      if (first) throw invalid([{ path: 'phone_number', message: `is that of line ${first}` }]);
      seen.set(given.phone_number, line);
      lines.push({ line, given });
    } catch (error) {
      refused.push(refusal(line, error));
    }
  }
  return { lines, refused };
}

const READS_A_CALL = 100;

async function readMany<S extends z.ZodType>(schema: S, keys: Key[]): Promise<z.output<S>[]> {
  const found: z.output<S>[] = [];
  for (let start = 0; start < keys.length; start += READS_A_CALL) {
    found.push(...(await clients.findMany(schema, keys.slice(start, start + READS_A_CALL))));
  }
  return found;
}

/** The clients who have these phone numbers now, by number. */
async function ownersOf(lines: Line[]): Promise<Map<string, StoredClient>> {
  const owners = await readMany(
    PhoneOwner,
    lines.map(({ given }) => phoneKey(given.phone_number)),
  );
  const found = await readMany(
    StoredClient,
    owners.map(({ client }) => clientKey(client)),
  );
  return new Map(found.map((client) => [client.phone_number, client]));
}

/** Who imports, and what a client's log says of the line that made or changed it. */
export interface Importer {
  by: string;
  note: (line: number) => string;
}

/** What a line makes of its client. @throws what is wrong with it */
function plan({ line, given }: Line, before: StoredClient | undefined, { by, note }: Importer) {
  if (!before) {
    const after = newClient(NewClient.parse(given), by, note(line));
    return { writes: clientWrites(undefined, after), done: { line, outcome: 'created', client: after.id } as const };
  }
  const client = before.id;
  const own = before.history.find(({ what }) => what.startsWith(note(line)));
  if (own)
    return { writes: [], done: { line, outcome: own.what === note(line) ? 'created' : 'updated', client } as const };
  const after = changedClient(before, given, by, note(line));
  if (after === before) return { writes: [], done: { line, outcome: 'unchanged', client } as const };
  return { writes: clientWrites(before, after), done: { line, outcome: 'updated', client } as const };
}

const TRIES = 5;

/**
 * Stores some lines, at most fifty, as they are met by what is stored now. While all are `news`, as if none of their clients
 * were known: in one transaction and without a read. When one is known, together again by what was read of them; then one by one.
 */
async function storePart(part: Line[], importer: Importer, news: { all: boolean }): Promise<LineReport[]> {
  const report: LineReport[] = [];
  let left = part;
  for (let attempt = news.all ? 0 : 1; left.length; attempt++) {
    if (attempt === TRIES) throw new Error(`${left.length} clients are being changed by others`);
    const owners = attempt === 0 ? new Map<string, StoredClient>() : await ownersOf(left);
    const plans = left.flatMap((one) => {
      try {
        return [{ one, ...plan(one, owners.get(one.given.phone_number), importer) }];
      } catch (error) {
        report.push(refusal(one.line, error));
        return [];
      }
    });
    left = [];
    const size = attempt < 2 ? plans.length : 1;
    for (let start = 0; start < plans.length; start += size) {
      const some = plans.slice(start, start + size);
      const writes = some.flatMap((one) => one.writes);
      if (!writes.length || (await commitIf({ writes }))) report.push(...some.map(({ done }) => done));
      else left.push(...some.map(({ one }) => one));
    }
    if (left.length) news.all = false;
  }
  return report;
}

/** A new client is two items, a transaction has a hundred. */
const CLIENTS_A_TRANSACTION = 50;
const AT_ONCE = 4;

/** Stores lines. Safe to run twice: what this import has made or changed is known by its note, and left as it is. */
export async function storeLines(lines: Line[], importer: Importer): Promise<LineReport[]> {
  const report: LineReport[] = [];
  const parts = Array.from({ length: Math.ceil(lines.length / CLIENTS_A_TRANSACTION) }, (_, part) =>
    lines.slice(part * CLIENTS_A_TRANSACTION, (part + 1) * CLIENTS_A_TRANSACTION),
  );
  const news = { all: true };
  await inParallel(AT_ONCE, parts, async (part) => {
    report.push(...(await storePart(part, importer, news)));
  });
  return report;
}
