/**
 * A name as it is sorted and searched: without case, accents and doubled spaces, and with one placeholder for characters
 * beyond the Basic Multilingual Plane, so that JavaScript's order of the keys (UTF-16) is DynamoDB's (UTF-8).
 */
export const nameKey = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .replace(/[\u{10000}-\u{10ffff}]/gu, '\ufffd');

/** Sorts after every key that begins with the text before it. */
export const LAST = '\uffff';
