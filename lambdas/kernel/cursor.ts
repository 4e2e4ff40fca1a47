import { createHmac, timingSafeEqual } from 'node:crypto';
import { invalid } from './problem';
import { contextKey } from './secret';

const MAC_BYTES = 12;

const mac = async (list: string, text: string): Promise<Buffer> =>
  createHmac('sha256', await contextKey('cursor'))
    .update(`${list}\n${text}`)
    .digest()
    .subarray(0, MAC_BYTES);

/** Where a list goes on, as text that only the same list accepts (HMAC-SHA-256 cut to 96 bits). `list` names list and filters. */
export async function sealCursor(list: string, position: unknown): Promise<string> {
  const text = JSON.stringify(position);
  return Buffer.concat([await mac(list, text), Buffer.from(text)]).toString('base64url');
}

/** The position in a cursor. @throws Problem 422 at `cursor` when it was altered or is of another list */
export async function openCursor(list: string, cursor: string): Promise<unknown> {
  const bytes = Buffer.from(cursor, 'base64url');
  const text = bytes.subarray(MAC_BYTES).toString();
  const given = bytes.subarray(0, MAC_BYTES);
  if (given.length === MAC_BYTES && timingSafeEqual(given, await mac(list, text))) return JSON.parse(text) as unknown;
  throw invalid([{ path: 'cursor', message: 'expected the cursor of a `next` of this very list' }]);
}
