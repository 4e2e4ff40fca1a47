import { randomUUID } from 'node:crypto';
import { offersServer } from '../catalogue/offers-server';
import { sendService } from '../mailings/send-service';
import { aCard, anAddress, aUser, source } from '../profiles/source';
import { deliver, receipt, shardOf } from '../receipts/shop';
import { ORDER } from '../support/example-order';
import type { Face, Faces, Reply } from './faces';

type Call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply['body']>;
/** Values of path parameters, by the path up to the parameter. */
type Things = Record<string, string>;

const soon = (minutes: number): string => new Date(Date.now() + minutes * 60_000).toISOString();

/** What each context's story is: through its API and the neighbours that it lives from, some of everything that it lists. */
const STORIES: Record<string, (faces: Faces, call: Call) => Promise<Things>> = {
  identity: async () => ({}),

  async orders({ settle }, call) {
    for (let placed = 0; placed < 2; placed++) await call('POST', '/api/v1/data/orders/', ORDER);
    await settle(async () => (await call('GET', '/api/v1/data/task-results/')).results.length > 1);
    return {};
  },

  async profiles({ run }) {
    const server = await source();
    const uids = [randomUUID(), randomUUID()];
    const batches = {
      FetchUsers: uids.map((uid) => aUser({ uid })),
      FetchAddresses: uids.map((uid) => anAddress({ uid })),
      FetchCreditCards: [...uids.map((uid) => aCard({ uid })), aCard({ uid: '' }), aCard({ uid: '', id: 10 })],
    };
    for (const [fetcher, batch] of Object.entries(batches)) {
      server.gives(batch);
      await run(`Profiles/${fetcher}`, {}, { RANDOM_DATA_API_URL: server.url });
    }
    server.close();
    return {};
  },

  async receipts(faces, call) {
    const { run, settle } = faces;
    const two = [1, 2].map((number) => receipt({ transaction_id: `story-${number}`, place_id: `place-${number}` }));
    await call('POST', '/api/checks/', two);
    await settle(async () => (await call('GET', '/api/checks/')).results.length > 1);
    await deliver(faces, 'story', shardOf(['nonsense', 'more of it']));
    await run('Receipts/Close', {});
    return {};
  },

  async mailings({ settle }, call) {
    const service = await sendService();
    process.env['SEND_API_URL'] = service.url;
    const csv = 'phone_number,tag\n79990000001,story\n79990000002,story\nnobody,story\n';
    const { id: job } = await call('POST', '/api/clients/import/', csv, { 'content-type': 'text/csv' });
    await settle(async () => (await call('GET', `/api/clients/import/${job}/`)).status === 'finished');
    const fields = { text: 'hello', filter: { tag: 'story' }, start_at: soon(-1), end_at: soon(30) };
    const { id: mailing } = await call('POST', '/api/mailings/', fields);
    await settle(async () => (await call('GET', `/api/mailings/${mailing}/`)).status === 'finished');
    service.close();
    const { results } = await call('GET', `/api/mailings/${mailing}/messages/`);
    return {
      '/api/clients/import/': job,
      '/api/clients/by-phone/': '79990000001',
      '/api/mailings/': mailing,
      '/api/mailings/messages/': results[0].id,
    };
  },

  async catalogue({ run, settle }, call) {
    const service = await offersServer();
    process.env['BASE_OFFER_MICROSERVICE_API'] = service.url;
    service.state.anyRefreshToken = true;
    const { id } = await call('POST', '/api/products/', { name: 'Story table', description: 'Seats six.' });
    service.state.offers.set(
      id,
      [10, 11, 12].map((price) => ({ id: randomUUID(), price, items_in_stock: 5 })),
    );
    await settle(async () => (await call('GET', `/api/registrations/${id}/`)).state === 'registered');
    for (let refreshes = 0; refreshes < 2; refreshes++) await run('Catalogue/StartRun', {});
    await settle(async () => (await call('GET', `/api/products/${id}/offers/`)).results.length === 3);
    service.close();
    return { '/api/products/': id, '/api/registrations/': id };
  },
};

/** Whether everything of a context that a path can name is there once the stories were told. */
export const isTold = ({ context }: Face): boolean => context in STORIES;

/**
 * Lets the contexts' stories happen (all, or those named), so that there is some of everything.
 * @returns the path of an operation for a thing that is there: of its story, else the first of the list that the path goes
 * through; throws when there is none
 */
export async function tellStories(faces: Faces, ...contexts: string[]): Promise<(face: Face) => Promise<string>> {
  const things: Things = {};
  const caller =
    (context: string): Call =>
    async (method, path, body, headers = {}) => {
      const reply = await faces.api(method, path, { body, headers }, faces.known.get('admin'), context);
      if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
      return reply.body;
    };
  for (const [context, tell] of Object.entries(STORIES)) {
    if (!contexts.length || contexts.includes(context)) Object.assign(things, await tell(faces, caller(context)));
  }
  return async ({ context, operation }) => {
    let path = operation.path;
    for (let place = /\{(\w+)\}/.exec(path); place; place = /\{(\w+)\}/.exec(path)) {
      const [whole, name = ''] = place;
      const list = path.slice(0, place.index);
      const [thing] = things[list] ? [{}] : (await caller(context)('GET', list)).results;
      const value = things[list] ?? thing?.[name] ?? thing?.id;
      if (value === undefined) throw new Error(`${list} shows nothing with a ${name}: its story has to make one`);
      path = path.replace(whole, encodeURIComponent(value));
    }
    return path;
  };
}
