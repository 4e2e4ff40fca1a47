import * as z from 'zod';
import type { Handler } from '../kernel/http';
import { Problem } from '../kernel/problem';
import type { Operations } from './contract';
import { lanes } from './lanes';
import { deadCounts } from './letters';
import { type Asker, read } from './own-api';
import type { StreamState } from './schema';

const Books = z.object({
  shards: z.array(z.object({ shard: z.string(), sequence: z.string().nullable(), waiting: z.int() })),
});

type Lag = Pick<StreamState, 'lag' | 'shards' | 'note'>;

const unknownLag = (note: string): Lag => ({ lag: null, shards: [], note });

/** The stream of receipts: its checkpoints are in the books, which the receipts keep. */
async function lagOfReceipts(asker: Asker): Promise<Lag> {
  const books = await read(asker, '/api/analytics/books/', Books);
  const shards = books.shards.map(({ shard, sequence, waiting }) => ({
    shard,
    checkpoint: sequence,
    lag: waiting,
  }));
  return { lag: shards.reduce((sum, { lag }) => sum + lag, 0), shards, note: null };
}

function unanswered(error: unknown): Lag {
  if (error instanceof Problem) return unknownLag(error.detail);
  throw error;
}

/** One call of the books, one query. A lag that nobody can tell at the moment hides none of the others. */
export const listStreams: Handler<Operations['listStreams']> = async (call) => {
  const [receipts, dead] = await Promise.all([lagOfReceipts(call).catch(unanswered), deadCounts()]);
  const outbox = unknownLag('AWS keeps it: the metric IteratorAge of the function. Emulators do not tell');
  const streams = lanes().filter(({ role }) => role === null);
  const results = streams.map(({ name, context }): StreamState => {
    const kind = name === 'Receipts.Count' ? 'kinesis' : 'outbox';
    return { stream: name, context, kind, ...(kind === 'kinesis' ? receipts : outbox), dead: dead[name] ?? 0 };
  });
  return { results: results.sort((a, b) => (a.stream < b.stream ? -1 : 1)) };
};
