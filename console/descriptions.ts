import type { OperationName } from '../client/operations';

/** What is said of an entity by hand; the rest comes from the operations at and below its path. */
export interface Description {
  /** Where its list is. */
  path: string;
  label: string;
  /** The columns that are shown first; the others can be chosen. */
  columns: string[];
  /** The field that names one for people. */
  title: string;
  /** Changes by itself while somebody looks. */
  live?: true;
  /** Fields that name things of other entities, beside those that do everywhere. */
  links?: Record<string, string>;
  /** The field that names one, where nothing is read by it. */
  key?: string;
  /** Reads of one, beside those below its path. */
  aspects?: OperationName[];
  /** What else is done with one, beside the POSTs below its path. */
  actions?: OperationName[];
  /** What adds one, when that is not a POST to its list; null when it is done elsewhere. */
  create?: OperationName | null;
  /** What deleting one means, as far as its operation does not say it. */
  loss?: string;
}

/** All entities, in the order of the menu. */
export const DESCRIPTIONS: Record<string, Description> = {
  orders: {
    path: '/api/v1/data/orders/',
    label: 'Orders',
    columns: ['created_at', 'order_key', 'status', 'total_paid', 'currency', 'total_mismatch'],
    title: 'order_key',
    live: true,
    loss: 'A task that has not ended is not worked on any more, and results that come later are refused.',
  },
  tasks: {
    path: '/api/v1/consumer/tasks/',
    label: 'Tasks',
    columns: ['queued_at', 'name', 'state', 'order_key', 'error', 'attempts'],
    title: 'task_id',
    live: true,
  },
  deliveries: {
    path: '/api/v1/consumer/deliveries/',
    label: 'Webhook deliveries',
    columns: ['created_at', 'status', 'url', 'tries', 'next_attempt_at', 'order'],
    title: 'id',
    live: true,
  },
  'task-results': {
    path: '/api/v1/data/task-results/',
    label: 'Task results',
    columns: ['received_at', 'order_key', 'state', 'result', 'error'],
    title: 'task_id',
  },
  products: {
    path: '/api/products/',
    label: 'Products',
    columns: ['name', 'lowest_price', 'offers_status', 'offers_error', 'updated_at'],
    title: 'name',
    aspects: ['getRegistration'],
  },
  'offer-refreshes': {
    path: '/api/catalogue/runs/',
    label: 'Offer refreshes',
    columns: ['started_at', 'state', 'products', 'refreshed', 'changed', 'failed', 'duration_seconds'],
    title: 'started_at',
    live: true,
  },
  receipts: {
    path: '/api/checks/',
    label: 'Receipts',
    columns: ['timestamp', 'place_name', 'total_amount', 'nds_amount', 'tips_amount', 'payment_method'],
    title: 'transaction_id',
    create: 'recordReceipt',
    live: true,
  },
  places: {
    path: '/api/places/',
    label: 'Places',
    columns: ['place_name', 'place_id'],
    title: 'place_name',
    aspects: ['getPlaceAnalytics'],
  },
  closings: {
    path: '/api/analytics/runs/',
    label: 'Hourly closings',
    columns: ['started_at', 'status', 'receipts', 'differences', 'missing', 'error'],
    title: 'started_at',
  },
  'receipts-set-aside': {
    path: '/api/checks/set-aside/',
    label: 'Receipts set aside',
    columns: ['set_aside_at', 'reason', 'put_back_at'],
    title: 'id',
  },
  mailings: {
    path: '/api/mailings/',
    label: 'Mailings',
    columns: ['start_at', 'text', 'status', 'end_at', 'time_window'],
    title: 'text',
    live: true,
  },
  clients: {
    path: '/api/clients/',
    label: 'Clients',
    columns: ['phone_number', 'operator_code', 'tag', 'timezone', 'created_at'],
    title: 'phone_number',
  },
  people: {
    path: '/api/profiles/users/',
    label: 'People',
    columns: ['first_name', 'last_name', 'email', 'created_at'],
    title: 'email',
  },
  addresses: {
    path: '/api/profiles/addresses/',
    label: 'Addresses',
    columns: ['street_address', 'city', 'country', 'user', 'created_at'],
    title: 'street_address',
    links: { user: 'people' },
  },
  'credit-cards': {
    path: '/api/profiles/credit-cards/',
    label: 'Credit cards',
    columns: ['credit_card_type', 'credit_card_number', 'credit_card_expiry_date', 'user', 'created_at'],
    title: 'uid',
    links: { user: 'people' },
  },
  'profile-runs': {
    path: '/api/profiles/runs/',
    label: 'Profile runs',
    columns: ['created_at', 'resource', 'state', 'fetched', 'stored', 'linked', 'set_aside', 'error'],
    title: 'created_at',
    live: true,
  },
  'profiles-set-aside': {
    path: '/api/profiles/set-aside/',
    label: 'Profiles set aside',
    columns: ['set_aside_at', 'resource', 'reason', 'times'],
    title: 'id',
  },
  'dead-letters': {
    path: '/api/ops/dead-letters/',
    label: 'Dead letters',
    columns: ['since', 'lane', 'kind', 'reason', 'attempts', 'state'],
    title: 'lane',
    live: true,
  },
  schedules: {
    path: '/api/ops/schedules/',
    label: 'Schedules',
    columns: ['name', 'expression', 'enabled', 'last_run', 'next_run', 'changed_by'],
    title: 'name',
    live: true,
  },
  queues: {
    path: '/api/ops/queues/',
    label: 'Queues',
    columns: ['lane', 'waiting', 'in_flight', 'delayed', 'dead', 'oldest_since'],
    title: 'lane',
    key: 'lane',
    live: true,
  },
  streams: {
    path: '/api/ops/streams/',
    label: 'Streams',
    columns: ['stream', 'kind', 'lag', 'dead', 'note'],
    title: 'stream',
    key: 'stream',
    live: true,
  },
  neighbours: {
    path: '/api/ops/neighbours/',
    label: 'Neighbours',
    columns: ['name', 'state', 'detail', 'last_success', 'last_failure', 'faults'],
    title: 'name',
    key: 'name',
    live: true,
    actions: ['setFaults'],
  },
  'bulk-actions': {
    path: '/api/ops/bulk/',
    label: 'Bulk actions',
    columns: ['created_at', 'by', 'entity', 'action', 'status', 'number', 'done', 'refused'],
    title: 'action',
    create: null,
    live: true,
  },
  audit: {
    path: '/api/audit/',
    label: 'Audit trail',
    columns: ['at', 'who', 'operation', 'entity', 'entity_id'],
    title: 'operation',
  },
  users: {
    path: '/api/users/',
    label: 'Users',
    columns: ['username', 'email', 'roles', 'is_active', 'created_at'],
    title: 'username',
  },
  'api-keys': {
    path: '/api/api-keys/',
    label: 'API keys',
    columns: ['name', 'prefix', 'roles', 'scopes', 'expires_at', 'last_used_at'],
    title: 'name',
    links: { created_by: 'users' },
  },
};

/** Fields that name a thing of an entity, wherever they stand. */
export const LINKS: Record<string, string> = {
  order: 'orders',
  task_id: 'tasks',
  user: 'users',
  owner: 'users',
  product: 'products',
  place_id: 'places',
  mailing: 'mailings',
  client: 'clients',
};
