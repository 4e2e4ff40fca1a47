import { createHash } from 'node:crypto';
import { v5, v7 } from 'uuid';
import { now } from './clock';

/** A new id of a time. */
export const newIdAt = (at: Date): string => v7({ msecs: at.getTime() });

/** A new id that sorts by its time of making (RFC 9562, version 7). */
export const newId = (): string => newIdAt(now());

/** The same id for the same name, every time: for whatever may be made twice. `namespace` is a UUID. */
export const fixedId = (name: string, namespace: string): string => v5(name, namespace);

/** How many partitions an index over all items of a kind is spread, so that none takes more than a part of the writes. */
const SHARDS = 4;

/** The partitions of the index over all items of a kind, e.g. `ORDERS#0` … `ORDERS#3`. */
export const shards = (kind: string): string[] => Array.from({ length: SHARDS }, (_, shard) => `${kind}#${shard}`);

/** The partition of one item in that index. */
export const shardOf = (kind: string, id: string): string =>
  `${kind}#${(createHash('md5').update(id).digest()[0] ?? 0) % SHARDS}`;
