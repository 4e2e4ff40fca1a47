/** What a caller learns at `/docs/problems/#<kind>`, the `type` of a problem. */
export interface ProblemKind {
  status: number;
  title: string;
  /** What happened. */
  meaning: string;
  /** What the caller can do. */
  remedy: string;
}

/** Every `kind` that a `Problem` is thrown with; a test holds the list complete. */
export const PROBLEM_KINDS = {
  'invalid-fields': {
    status: 422,
    title: 'Fields are not valid',
    meaning:
      'The request was understood, but some of its fields do not hold what is expected there. `errors` names each one by its path into the input, like `items.0.price`, or by the query parameter or header.',
    remedy:
      'Correct the fields named and send the request again. The schema of each operation is in the API reference.',
  },
  taken: {
    status: 409,
    title: 'The name is taken',
    meaning:
      'Another user has this username or email. Names that differ only in case or width count as one. `errors` names the field.',
    remedy: 'Choose another, or log in if it is your own.',
  },
  throttled: {
    status: 429,
    title: 'Too many failed logins',
    meaning:
      'This user, or this address, has had too many wrong passwords in a short time. The password was not looked at.',
    remedy:
      'Wait for the seconds in `Retry-After`. A program that gets this has an old password: correct it before it goes on.',
  },
  'last-admin': {
    status: 409,
    title: 'No admin would be left',
    meaning: 'The change would take away the last active admin, and nobody could manage users and keys any more.',
    remedy: 'Make another user an admin first.',
  },
  'order-key-taken': {
    status: 409,
    title: 'The order_key is taken',
    meaning:
      'There is an order with this `order_key` already; the key names an order between producer and consumer and is unique.',
    remedy:
      'If it is a repeat of your own call, send it with an `Idempotency-Key` from the start: then it gets the first answer again. Otherwise choose another key, or leave it out and one is made.',
  },
  'other-order-key': {
    status: 409,
    title: 'The result is for another order',
    meaning: 'The result sent names another `order_key` than the order in the path has. Nothing was changed.',
    remedy: 'Send the result to the order that it belongs to.',
  },
  'task-state': {
    status: 409,
    title: 'The task is in another state',
    meaning:
      'What was asked is possible in some states of a task only: one that waits can be revoked, one that failed or was revoked can be changed and retried, one that has ended can be deleted.',
    remedy: 'Read the task: `state` says where it is. One that is under way ends by itself.',
  },
  'other-content': {
    status: 409,
    title: 'Another receipt has this transaction id',
    meaning:
      'A receipt with the same `transaction_id` and other content is stored already; it stays as it is. Amounts and times are compared as values, so that `5`, `5.0` and `"5.00"` are the same.',
    remedy:
      'Read the stored one at `/api/checks/{transaction_id}/`. A corrected receipt needs a `transaction_id` of its own.',
  },
  'lost-update': {
    status: 412,
    title: 'It was changed in the meantime',
    meaning:
      'The `If-Match` header names a version (`ETag`) that is no longer the current one: somebody else changed the record after you read it. Nothing was written.',
    remedy: 'Read the record again, apply your change to what it holds now, and send it with the new `ETag`.',
  },
  busy: {
    status: 503,
    title: 'Too much is going on',
    meaning:
      'The record is being changed by many callers at once, or a service behind the API asks for a pause. Nothing was written.',
    remedy:
      'Send the same request again after the seconds in `Retry-After`, with the same `Idempotency-Key` if it had one.',
  },
} satisfies Record<string, ProblemKind>;
