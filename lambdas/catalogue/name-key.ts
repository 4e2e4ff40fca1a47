import { firstBytes } from '../kernel/text';

/** A sort key holds 1,024 bytes, an id among them; 200 Hangul syllables take 1,800 once they are taken apart. */
const MOST_BYTES = 900;

/**
 * A name as it is sorted and searched: without case, accents and doubled spaces, cut to what a key can hold, and with one
 * placeholder for characters beyond the Basic Multilingual Plane, so that JavaScript's order of the keys (UTF-16) is
 * DynamoDB's (UTF-8).
 */
export const nameKey = (name: string): string =>
  firstBytes(
    name
      .normalize('NFD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .replace(/\s+/g, ' ')
      .replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd'),
    MOST_BYTES,
  );

/** Sorts after every key that begins with the text before it. */
export const LAST = '\uffff';
