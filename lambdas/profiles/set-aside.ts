import * as z from 'zod';
import { timestamp } from '../kernel/clock';
import { commit } from '../kernel/commit';
import type { Handler } from '../kernel/http';
import { fixedId } from '../kernel/id';
import { page } from '../kernel/page';
import { invalid, notFound } from '../kernel/problem';
import { table, writeOne } from '../kernel/table';
import type { ProfilesContract } from './contract';
import { type Step, store } from './link';
import { protector } from './protect';
import { type Resource, SetAside } from './schema';
import { checkShape, LARGEST_BYTES } from './shape';

type Verbs = typeof ProfilesContract;

const profiles = table();
const KIND = 'SET_ASIDE';
const NAMESPACE = '0f5ad8f4-6d2a-4b52-8a52-6a1a3c1f7e10';
const keyOf = (id: string) => ({ pk: `${KIND}#${id}`, sk: KIND });
const StoredSetAside = SetAside.extend({ record: z.string() });

const shown = ({ record, ...rest }: z.output<typeof StoredSetAside>) => ({
  ...rest,
  record: JSON.parse(record) as unknown,
});

/**
 * Keeps a protected record that cannot be stored, with its reason; of one that is too large, the reason alone. The same record
 * is kept once and counted. One write.
 */
export async function setRecordAside(resource: Resource, record: unknown, reason: string): Promise<void> {
  const whole = JSON.stringify(record);
  const text = Buffer.byteLength(whole) > LARGEST_BYTES ? 'null' : whole;
  const id = fixedId(`${resource}\n${whole}`, NAMESPACE);
  const at = timestamp();
  await writeOne(
    profiles.update(keyOf(id), {
      set: { id, resource, reason, record: text, last_seen_at: at },
      setOnce: { set_aside_at: at, gsi1pk: KIND, gsi1sk: `${at}#${id}` },
      add: { times: 1 },
    }),
  );
}

async function getStored(id: string) {
  const stored = await profiles.find(StoredSetAside, keyOf(id));
  if (!stored) throw notFound('record');
  return stored;
}

export const listSetAsideRecords: Handler<Verbs['listSetAsideRecords']> = async (call) => {
  const { resource } = call.query;
  const { results, next } = await page(profiles, StoredSetAside, call, {
    index: 'gsi1',
    partition: KIND,
    ...(resource && { where: { equals: { resource } } }),
  });
  return { results: results.map(shown), next };
};

export const getSetAsideRecord: Handler<Verbs['getSetAsideRecord']> = async ({ params }) =>
  shown(await getStored(params.id));

export const retrySetAsideRecord: Handler<Verbs['retrySetAsideRecord']> = async ({ params, body, idempotency }) => {
  const { id, resource, record: kept } = await getStored(params.id);
  const protect = await protector();
  const shape = checkShape(resource, body.record ? protect(body.record) : (JSON.parse(kept) as unknown));
  if (!shape.record) throw invalid(shape.errors.map(({ path, message }) => ({ path: `record.${path}`, message })));
  const { uid } = shape.record;
  const outcomeOf = ({ created, linked }: Pick<Step, 'created' | 'linked'>) => ({ resource, uid, created, linked });
  const step = await store(resource, shape.record, new Date().toISOString(), {
    first: [profiles.delete(keyOf(id))],
    remember: (made) => idempotency?.remember({ status: 200, body: outcomeOf(made), headers: {} }),
  });
  return outcomeOf(step);
};

export const deleteSetAsideRecord: Handler<Verbs['deleteSetAsideRecord']> = async ({ params }) => {
  await getStored(params.id);
  await commit({ writes: [profiles.delete(keyOf(params.id))] });
  return undefined;
};
