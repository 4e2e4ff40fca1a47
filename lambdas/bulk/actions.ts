/** A call of an entity's own context for one thing. */
export interface Action {
  method: 'POST' | 'PATCH' | 'DELETE';
  /** Below the entity's own path, `{id}` included. */
  path: string;
  body?: unknown;
}

interface Entity {
  /** Of its list, which a filter is for. */
  list: string;
  /** The field that names one. */
  id: string;
  /** What its list can be asked for: of any other name it takes no notice, and would give everything. */
  filters: readonly string[];
  actions: Record<string, Action>;
}

const post = (path: string): Action => ({ method: 'POST', path });
const remove = (path: string): Action => ({ method: 'DELETE', path });

const ORDER = '/api/v1/data/orders/{id}/';
const TASK = '/api/v1/consumer/tasks/{id}/';
const MAILING = '/api/mailings/{id}/';
const LETTER = '/api/ops/dead-letters/{id}/';

/** What can be done to many things of a kind. */
export const ENTITIES: Record<string, Entity> = {
  order: {
    list: '/api/v1/data/orders/',
    id: 'uuid',
    filters: ['status', 'user', 'order_key'],
    actions: { cancel: { method: 'PATCH', path: ORDER, body: { status: 'cancelled' } }, delete: remove(ORDER) },
  },
  task: {
    list: '/api/v1/consumer/tasks/',
    id: 'task_id',
    filters: ['state', 'name'],
    actions: { retry: post(`${TASK}retry/`), revoke: post(`${TASK}revoke/`) },
  },
  delivery: {
    list: '/api/v1/consumer/deliveries/',
    id: 'id',
    filters: ['status'],
    actions: { replay: post('/api/v1/consumer/deliveries/{id}/replay/') },
  },
  product: {
    list: '/api/products/',
    id: 'id',
    filters: ['search', 'sort'],
    actions: { delete: remove('/api/products/{id}/') },
  },
  client: {
    list: '/api/clients/',
    id: 'id',
    filters: ['tag', 'operator_code'],
    actions: { delete: remove('/api/clients/{id}/') },
  },
  mailing: {
    list: '/api/mailings/',
    id: 'id',
    filters: ['status'],
    actions: {
      pause: post(`${MAILING}pause/`),
      resume: post(`${MAILING}resume/`),
      cancel: post(`${MAILING}cancel/`),
      retry_messages: post(`${MAILING}messages/retry/`),
      delete: remove(MAILING),
    },
  },
  dead_letter: {
    list: '/api/ops/dead-letters/',
    id: 'id',
    filters: ['lane', 'context', 'reason'],
    actions: { put_back: post(`${LETTER}put-back/`), discard: remove(LETTER) },
  },
};
