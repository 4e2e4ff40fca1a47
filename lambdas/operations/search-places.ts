/** What is known of something found: the fields of its own representation. */
export type Found = Record<string, unknown>;

/** One place where an id may lead, by its context's own route. */
export interface Place {
  context: string;
  entity: string;
  /** Whether it can be an id of this place. */
  fits: (q: string) => boolean;
  path: (q: string) => string;
  /** Where the thing itself is, if the path is another one. */
  link?: (found: Found) => string;
  id: (found: Found) => string;
  title: (found: Found) => string;
  state: (found: Found) => string | null;
  /** Why it is not done yet. @default it is */
  waits?: (found: Found) => string | null;
  /** The thing within the answer. @default the answer */
  pick?: (body: Found) => Found | undefined;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Messages of mailings have ids of version 8, which nothing else has. */
const isMessage = (q: string): boolean => UUID.test(q) && q[14] === '8';
const isUuid = (q: string): boolean => UUID.test(q) && !isMessage(q);
/** Ids that others chose: of shops, of sources, of clients. A slash would be a path of its own, dots alone one above. */
const isName = (q: string): boolean => /^(?!\.\.?$)[^/\s]{1,128}$/.test(q) && !isMessage(q) && !q.startsWith('mk_');
const PHONE = /^\+?(7\d{10})$/;
const KEY_PREFIX = /^(?:mk_)?([A-Za-z0-9]{8})(?:_.*)?$/;

const text = (value: unknown): string => (value === null || value === undefined ? '' : String(value));
const textOrNull = (value: unknown): string | null => text(value) || null;
const field = (name: string) => (found: Found) => text(found[name]);
const none = (): null => null;
const encoded = encodeURIComponent;

const first = ({ results }: Found): Found | undefined => (results as Found[] | undefined)?.[0];

/** Why a task, a delivery, a mailing is not done yet; each from what its own context says of it. */
const TASK_WAITS: Record<string, (found: Found) => string> = {
  PENDING: () => 'it is in the queue',
  STARTED: ({ started_at }) => `it is worked on since ${text(started_at)}`,
  RETRY: ({ error }) => `it failed and will be tried again: ${text(error)}`,
  FAILURE: ({ error }) => `it failed for good, until an operator retries it: ${text(error)}`,
  REVOKED: () => 'it was revoked, until an operator retries it',
};

const DELIVERY_WAITS: Record<string, (found: Found) => string> = {
  pending: ({ tries, next_attempt_at }) => `${text(tries)} tries failed, the next is at ${text(next_attempt_at)}`,
  exhausted: () => 'all tries failed, until an operator replays it',
  disabled: ({ reason }) => `its address is disabled: ${text(reason)}`,
};

const MAILING_WAITS: Record<string, (found: Found) => string> = {
  scheduled: ({ start_at }) => `it starts at ${text(start_at)}`,
  running: ({ end_at }) => `it is being sent, until ${text(end_at)} at the latest`,
  paused: () => 'it is paused, until an operator resumes it',
};

const RUN_WAITS: Record<string, (found: Found) => string> = {
  queued: () => 'it is in the queue',
  running: ({ error }) => (error ? `it waits after a failure: ${text(error)}` : 'it is under way'),
};

const byState =
  (waits: Record<string, (found: Found) => string>, name = 'state') =>
  (found: Found): string | null =>
    waits[text(found[name])]?.(found) ?? null;

const ORDERS = '/api/v1/data/orders/';
const CLIENTS = '/api/clients/';

const order = {
  context: 'orders',
  entity: 'order',
  id: field('uuid'),
  title: field('order_key'),
  state: field('status'),
};
const client = {
  context: 'mailings',
  entity: 'client',
  id: field('id'),
  title: field('phone_number'),
  state: none,
};
const ofProfiles = (entity: string, collection: string, title: Place['title']): Place => ({
  context: 'profiles',
  entity,
  fits: isName,
  path: (q) => `/api/profiles/${collection}/${encoded(q)}/`,
  id: field('uid'),
  title,
  state: none,
});

/** Every place that is asked, as its context's route wants it: by key, never by looking through a list. */
export const PLACES: readonly Place[] = [
  {
    ...order,
    fits: isUuid,
    path: (q) => `${ORDERS}${q}/timeline/`,
    link: ({ uuid }) => `${ORDERS}${text(uuid)}/`,
    waits: ({ waiting_for }) => textOrNull(waiting_for),
  },
  {
    ...order,
    fits: (q) => q.length <= 100 && !isUuid(q) && !q.startsWith('mk_'),
    path: (q) => `${ORDERS}?order_key=${encoded(q)}`,
    pick: first,
    link: ({ uuid }) => `${ORDERS}${text(uuid)}/`,
    waits: ({ status }) => (status === 'pending' ? 'its timeline says why' : null),
  },
  {
    context: 'orders',
    entity: 'task',
    fits: isUuid,
    path: (q) => `/api/v1/consumer/tasks/${q}/`,
    id: field('task_id'),
    title: ({ name, order_key }) => `${text(name)} ${text(order_key)}`,
    state: field('state'),
    waits: byState(TASK_WAITS),
  },
  {
    context: 'orders',
    entity: 'delivery',
    fits: (q) => /^msg_[0-9a-f-]{36}$/.test(q),
    path: (q) => `/api/v1/consumer/deliveries/${q}/`,
    id: field('id'),
    title: field('url'),
    state: field('status'),
    waits: byState(DELIVERY_WAITS, 'status'),
  },
  {
    context: 'receipts',
    entity: 'receipt',
    fits: isName,
    path: (q) => `/api/checks/${encoded(q)}/`,
    id: field('transaction_id'),
    title: ({ place_name, total_amount }) => `${text(place_name)}, ${text(total_amount)}`,
    state: () => 'counted',
  },
  {
    context: 'receipts',
    entity: 'place',
    fits: isName,
    path: (q) => `/api/places/${encoded(q)}/`,
    id: field('place_id'),
    title: field('place_name'),
    state: none,
  },
  { ...client, fits: isUuid, path: (q) => `${CLIENTS}${q}/` },
  {
    ...client,
    fits: (q) => PHONE.test(q),
    path: (q) => `${CLIENTS}by-phone/${q.replace('+', '')}/`,
    link: ({ id }) => `${CLIENTS}${text(id)}/`,
  },
  {
    context: 'mailings',
    entity: 'mailing',
    fits: isUuid,
    path: (q) => `/api/mailings/${q}/`,
    id: field('id'),
    title: field('text'),
    state: field('status'),
    waits: byState(MAILING_WAITS, 'status'),
  },
  {
    context: 'mailings',
    entity: 'message',
    fits: isMessage,
    path: (q) => `/api/mailings/messages/${q}/`,
    link: ({ mailing, id }) => `/api/mailings/${text(mailing)}/messages/${text(id)}/`,
    id: field('id'),
    title: field('phone_number'),
    state: field('status'),
    waits: ({ waiting }) => textOrNull((waiting as Found | null)?.['detail']),
  },
  {
    context: 'mailings',
    entity: 'import',
    fits: isUuid,
    path: (q) => `${CLIENTS}import/${q}/`,
    id: field('id'),
    title: ({ lines }) => `${text(lines)} lines`,
    state: field('status'),
    waits: byState({ running: () => 'it is under way' }, 'status'),
  },
  {
    context: 'catalogue',
    entity: 'product',
    fits: isUuid,
    path: (q) => `/api/products/${q}/`,
    id: field('id'),
    title: field('name'),
    state: field('offers_status'),
  },
  {
    context: 'catalogue',
    entity: 'registration',
    fits: isUuid,
    path: (q) => `/api/registrations/${q}/`,
    id: field('id'),
    title: ({ attempts }) => `registered with the offers service in ${text(attempts)} requests`,
    state: field('state'),
    waits: ({ state, last_error, next_attempt_at }) =>
      state === 'registered'
        ? null
        : `${text(last_error) || 'it is about to be asked for'}; next try: ${text(next_attempt_at) || 'none'}`,
  },
  {
    context: 'catalogue',
    entity: 'refresh',
    fits: isUuid,
    path: (q) => `/api/catalogue/runs/${q}/`,
    id: field('id'),
    title: field('started_at'),
    state: field('state'),
    waits: byState(RUN_WAITS),
  },
  ofProfiles('user', 'users', ({ first_name, last_name }) => `${text(first_name)} ${text(last_name)}`),
  ofProfiles('address', 'addresses', ({ street_address, city }) => `${text(street_address)}, ${text(city)}`),
  ofProfiles('credit card', 'credit-cards', field('credit_card_type')),
  {
    context: 'profiles',
    entity: 'run',
    fits: isUuid,
    path: (q) => `/api/profiles/runs/${q}/`,
    id: field('id'),
    title: ({ resource, created_at }) => `${text(resource)} ${text(created_at)}`,
    state: field('state'),
    waits: byState(RUN_WAITS),
  },
  {
    context: 'identity',
    entity: 'user',
    fits: isUuid,
    path: (q) => `/api/users/${q}/`,
    id: field('uuid'),
    title: field('username'),
    state: ({ is_active }) => (is_active ? 'active' : 'inactive'),
  },
  {
    context: 'identity',
    entity: 'API key',
    fits: (q) => KEY_PREFIX.test(q),
    path: (q) => `/api/api-keys/${KEY_PREFIX.exec(q)?.[1]}/`,
    id: field('prefix'),
    title: field('name'),
    state: none,
  },
  {
    context: 'operations',
    entity: 'dead letter',
    fits: (q) => isUuid(q) || /^(message|receipt|profile|delivery)\.[\w-]{1,300}$/.test(q),
    path: (q) => `/api/ops/dead-letters/${isUuid(q) ? `message.${q}` : q}/`,
    id: field('id'),
    title: ({ lane, reason }) => `${text(lane)}: ${text(reason)}`,
    state: field('state'),
    waits: byState({ open: () => 'until an operator puts it back or throws it away' }),
  },
];
