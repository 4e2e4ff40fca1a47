import { shards } from '../kernel/id';
import { type ListCall, mergedPage } from '../kernel/page';
import { BY_EMAIL, BY_NAME, Stored, searchKey, tables } from './records';

const LAST = '\u{10ffff}';

/**
 * A page of the users whose full name or email begins with a text, in the order of what was found; who is found by both,
 * by the name. Eight queries of up to `limit` items, in parallel.
 */
export function searchUsers(call: ListCall, beginning: string) {
  const from = searchKey(beginning);
  const range = { from, to: from + LAST, ascending: true };
  return mergedPage(
    tables.users,
    Stored,
    call,
    { ...range, index: 'gsi2', partitions: shards(BY_NAME), sortKey: ({ gsi2sk = '' }) => gsi2sk },
    {
      ...range,
      index: 'gsi3',
      partitions: shards(BY_EMAIL),
      sortKey: ({ gsi3sk = '' }) => gsi3sk,
      keeps: ({ gsi2sk = '' }) => !gsi2sk.startsWith(from),
    },
  );
}
