import { createHash } from 'node:crypto';

/** Sixteen characters that stand for some bytes: in names of files that may be kept for ever, and in ETags. */
export const digest = (bytes: string | Buffer): string =>
  createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
