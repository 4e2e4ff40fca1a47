/** The sort key of outbox items: what the relay's stream filter looks for. */
export const OUTBOX = 'OUTBOX';

/** Receives of a message before it is set aside; the queue's own redrive policy stands behind it with one more. */
export const MAX_RECEIVES = 5;
