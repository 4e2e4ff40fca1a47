import { randomUUID } from 'node:crypto';
import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import type { Caller } from '../contracts/callers';
import { bodyOf, FACES, type Face, type Faces, freshBodyOf } from '../contracts/faces';
import { messageTo, signed } from '../orders/shop';

/** What makes a call of an operation succeed, apart from the example of its contract. */
export interface Prepared {
  /** The id in its path. */
  id?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
  caller?: Caller;
}

const AT = '2026-01-01T00:00:00.000Z';

/** Ways to a success that no example of a contract knows, by operation or by entity. */
export function preparations(faces: Faces) {
  const admin = faces.known.get('admin') as Caller;
  const tableOf = (context: string, variable = 'TABLE_NAME') => faces.named(`${context}/Api`).environment[variable];
  const put = (TableName: string | undefined, Item: Record<string, unknown>) =>
    documents.send(new PutCommand({ TableName, Item }));
  const face = (name: string): Face => {
    const found = FACES.find((one) => one.name === name);
    if (!found) throw new Error(`no operation ${name}`);
    return found;
  };
  const call = async (name: string, values: Prepared = {}) => {
    const reply = await send(face(name), values);
    if (reply.status >= 300) throw new Error(`${name}: ${reply.status} ${reply.text}`);
    return reply.body;
  };
  const bodyFor = (one: Face, { id, body }: Prepared): unknown => {
    if (!one.operation.body && !one.operation.consumes) return undefined;
    return body ?? (id ? bodyOf(one) : freshBodyOf(one));
  };
  const send = (one: Face, prepared: Prepared) => {
    const { id = '', headers = {}, caller = admin } = prepared;
    const path = one.operation.path.replace(/\{\w+\}/, id);
    return faces.send(one, { path, headers, body: bodyFor(one, prepared) }, caller);
  };

  const made: Record<string, () => Promise<Prepared>> = {
    user: async () => ({ id: (await call('register')).user.uuid }),
    delivery: async () => ({ id: `msg_${(await call('processMessage')).task_id}` }),
    profile_user: async () => {
      const uid = randomUUID();
      const record = JSON.stringify({ uid, first_name: 'Ada', last_name: 'Berg', email: 'ada.berg@example.com' });
      const times = { fetched_at: AT, created_at: AT, updated_at: AT };
      await put(tableOf('Profiles', 'USERS_TABLE'), { pk: uid, sk: 'RECORD', uid, record, ...times });
      return { id: uid };
    },
    set_aside_record: async () => {
      const id = randomUUID();
      const record = { uid: id, city: 'Lake Ada', street_address: '12 Mill Lane', country: 'Norway' };
      const said = { resource: 'addresses', reason: 'city: missing', times: 1, set_aside_at: AT, last_seen_at: AT };
      await put(tableOf('Profiles'), { pk: `SET_ASIDE#${id}`, sk: 'SET_ASIDE', id, ...said, record: '{}' });
      return { id, body: { record } };
    },
    set_aside_receipt: async () => {
      const id = randomUUID();
      const said = { shard: 'shard-0', sequence: '1', reason: 'not JSON', set_aside_at: AT, put_back_at: null };
      await put(tableOf('Receipts'), { pk: 'SET_ASIDE', sk: id, id, payload: '{', ...said });
      return { id };
    },
    changeMe: async () => ({ body: { phone_number: '+4912345678' }, caller: faces.known.get('user') as Caller }),
    changePassword: async () => {
      const passwords = { old_password: 'correct horse battery', new_password: 'another horse, other batteries' };
      return { body: passwords, caller: faces.known.get('analyst') as Caller };
    },
    retryTask: async () => {
      const { task_id: id } = await call('addTask', { body: messageTo('http://127.0.0.1:9/') });
      await call('revokeTask', { id });
      return { id };
    },
    updateOrderStatus: async () => {
      const { uuid: id, order_key, task_id } = await call('placeOrder');
      const { secret } = await call('getWebhookSecret');
      const body = JSON.stringify({ task_id, order_key, status: 'confirmed', result: 'x', sequence: 1 });
      return { id, body, headers: signed(secret, body) };
    },
    resumeMailing: async () => {
      const { id } = await call('addMailing');
      await call('pauseMailing', { id });
      return { id };
    },
    replaceMailing: async () => {
      const body = { ...(freshBodyOf(face('addMailing')) as object), text: 'Another text' };
      return { id: (await call('addMailing')).id, body };
    },
    retryMessages: async () => {
      const { id } = await call('addMailing');
      const Key = { pk: `MAILING#${id}`, sk: 'MAILING' };
      const UpdateExpression = 'SET #status = :running';
      const names = { ExpressionAttributeNames: { '#status': 'status' } };
      const values = { ExpressionAttributeValues: { ':running': 'running' } };
      await documents.send(
        new UpdateCommand({ TableName: tableOf('Mailings'), Key, UpdateExpression, ...names, ...values }),
      );
      return { id };
    },
    replayDeliveries: async () => {
      await call('processMessage');
      return { body: { status: 'pending', limit: 1 } };
    },
  };

  /** The thing that an operation changes, made by the operation that makes those. */
  async function thing({ context, operation }: Face): Promise<Prepared> {
    const [entity = '', field = ''] = operation.changes ?? [];
    if (!operation.path.includes('{')) return {};
    const maker = FACES.find(
      (one) =>
        one.context === context &&
        one.operation.changes?.[0] === entity &&
        one.operation.method === 'POST' &&
        !one.operation.path.includes('{'),
    );
    if (!maker) throw new Error(`nothing makes a ${entity}: add it to test/audit/prepared.ts`);
    return { id: (await call(maker.name))[field] };
  }

  return {
    send,
    async prepare(one: Face): Promise<Prepared> {
      const own = made[one.name] ?? (one.operation.path.includes('{') && made[one.operation.changes?.[0] ?? '']);
      const prepared = await (own ? own() : thing(one));
      return { ...prepared, body: bodyFor(one, prepared) };
    },
  };
}
