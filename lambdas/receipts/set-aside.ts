import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { commit, commitIf } from '../kernel/commit';
import { log } from '../kernel/log';
import { type ListCall, page } from '../kernel/page';
import { conflict, notFound } from '../kernel/problem';
import { table } from '../kernel/table';
import { announcement } from './announced';
import { type JournalLine, keepPayload, textOf } from './journal';
import { SetAside } from './schema';
import { putRecords } from './stream';

const SET_ASIDE = 'SET_ASIDE';

const Stored = SetAside.extend({
  /** The payload's bytes were no text: it is their base64. */
  base64: z.literal(true).optional(),
  /** The object that holds the payload whole. */
  object: z.string().optional(),
});
const keyOf = (id: string) => ({ pk: SET_ASIDE, sk: id });

/** A page of these is below Lambda's 6 MB; a larger payload is shown by its beginning, and is kept whole in an object. */
const SHOWN = 16_384;

/** Keeps a record that cannot be counted, under a key of its own, so that a retry keeps it once. */
export async function setAside(shard: string, { sequence, data, base64 }: JournalLine, why: string): Promise<void> {
  const id = `${sequence.padStart(56, '0')}-${shard}`;
  const reason = why.slice(0, 1_000);
  const object = data.length > SHOWN ? await keepPayload(id, data) : undefined;
  const item = {
    ...keyOf(id),
    ...{ id, shard, sequence, reason, payload: data.slice(0, SHOWN) },
    ...(base64 && { base64 }),
    ...(object !== undefined && { object }),
    ...{ set_aside_at: timestamp(), put_back_at: null },
  };
  const isNew = await commitIf({ writes: [table().put(item, { exists: false })] });
  if (isNew) log('error', 'receipt set aside', { shard, sequence, reason });
}

/** What was set aside, newest first. */
export const listSetAside = (call: ListCall) => page(table(), SetAside, call, { partition: SET_ASIDE });

async function findStored(id: string): Promise<z.output<typeof Stored>> {
  const stored = await table().find(Stored, keyOf(id));
  if (!stored) throw notFound('record');
  return stored.object === undefined ? stored : { ...stored, payload: await textOf(stored.object) };
}

/** One record with its whole payload. */
export const findSetAside = (id: string): Promise<SetAside> => findStored(id);

/**
 * Sends a record that was set aside through the stream again, as it is or corrected. Safe to repeat: a receipt counts once,
 * however often it comes.
 */
export async function putBack(id: string, corrected: string | undefined): Promise<SetAside> {
  const { base64, ...stored } = await findStored(id);
  const data = corrected ?? (base64 ? Buffer.from(stored.payload, 'base64') : stored.payload);
  const { taken } = await putRecords([{ key: id, data }]);
  if (!taken.length) throw conflict('the stream takes nothing at the moment, try again');
  const put_back_at = timestamp();
  const note = table().update(keyOf(id), { set: { put_back_at } }, { exists: true });
  await commit({ writes: [note, announcement(1)] });
  return { ...stored, put_back_at };
}
