import { randomUUID } from 'node:crypto';
import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { secrets } from '../../lambdas/kernel/secret';
import { offersServer } from '../catalogue/offers-server';
import { openShop } from '../mailings/shop';
import { deliver, receipt, shardOf } from '../receipts/shop';
import { ORDER } from '../support/example-order';
import { type Answer, platform } from '../support/platform';
import { metered, type Usage } from './meter';

/** What one thing uses, as the share of many done in one go. */
export interface Cost {
  thing: string;
  usage: Usage;
}

async function each(thing: string, count: number, work: () => Promise<unknown>): Promise<Cost> {
  const usage = await metered(work);
  return {
    thing,
    usage: Object.fromEntries(Object.entries(usage).map(([unit, used]) => [unit, used / count])) as Usage,
  };
}

async function ok(answer: Promise<Answer>): Promise<void> {
  const { status, body } = await answer;
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`);
}

const times = async (count: number, work: (index: number) => Promise<unknown>): Promise<void> => {
  for (let index = 0; index < count; index++) await work(index);
};

async function* costOfOrders(): AsyncGenerator<Cost> {
  const p = await platform('orders');
  const caller = await p.callers.user();
  const place = () => ok(p.api('POST', '/api/v1/data/orders/', { body: ORDER }, caller));
  await place();
  await p.settle();
  yield await each('an order, from POST to confirmed', 20, () =>
    times(20, async () => {
      await place();
      await p.settle();
    }),
  );
  yield await each('a page of 20 own orders', 10, () =>
    times(10, () => ok(p.api('GET', '/api/v1/data/orders/?limit=20', {}, caller))),
  );
  await p.close();
}

async function* costOfReceipts(): AsyncGenerator<Cost> {
  const p = await platform('receipts');
  const shop = await p.callers.apiKey({ scopes: ['receipts:write'] });
  const analyst = await p.callers.user('analyst');
  const some = (count: number) =>
    Array.from({ length: count }, (_, n) => receipt({ transaction_id: randomUUID(), place_id: `place-${n % 20}` }));
  const send = (body: unknown) => ok(p.api('POST', '/api/checks/', { body }, shop));
  await deliver(p, 'shardId-first', shardOf(some(20)));
  await send(some(1)[0]);
  yield await each('a receipt taken, sent singly', 20, () => times(20, () => send(some(1)[0])));
  yield await each('a receipt taken, in an array of 500', 500, () => send(some(500)));
  yield await each('a receipt counted, in a batch of 500 of 20 shops', 500, () =>
    deliver(p, 'shardId-second', shardOf(some(500), 200_000)),
  );
  const analytics = '/api/analytics/?interval=hour&from=2026-01-31T00:00:00Z&to=2026-02-01T00:00:00Z';
  yield await each('analytics of 20 shops, a day by the hour', 1, () => ok(p.api('GET', analytics, {}, analyst)));
  await p.close();
}

async function* costOfMailings(): AsyncGenerator<Cost> {
  const shop = await openShop();
  await shop.fill(500, () => ({ tag: 'cost' }));
  yield await each('a message of a mailing to 500 clients', 500, async () => {
    const mailing = await shop.mail({ filter: { tag: 'cost' } });
    await shop.finish(mailing);
  });
  await shop.close();
}

async function* costOfProducts(): AsyncGenerator<Cost> {
  const service = await offersServer();
  process.env['BASE_OFFER_MICROSERVICE_API'] = service.url;
  const p = await platform('catalogue');
  const { OFFERS_SECRET_ARN: SecretId } = p.named('Catalogue/Refresh/Function').environment;
  await secrets.send(new PutSecretValueCommand({ SecretId, SecretString: 'refresh-token' }));
  const seller = await p.callers.user();
  const add = (index: number) =>
    ok(p.api('POST', '/api/products/', { body: { name: `Product ${index}`, description: 'New.' } }, seller));
  yield await each('a product, registered', 100, async () => {
    await times(100, add);
    await p.settle();
  });
  const refresh = async () => {
    await p.run('Catalogue/StartRun', {});
    await p.settle();
  };
  const offers = (price: string) => {
    for (const id of service.state.registered.keys()) {
      const ids = service.state.offers.get(id);
      const known = Array.isArray(ids) ? ids.map((offer) => offer.id) : [randomUUID(), randomUUID(), randomUUID()];
      service.state.offers.set(
        id,
        known.map((offer) => ({ id: offer, price, items_in_stock: 5 })),
      );
    }
  };
  offers('10.00');
  await refresh();
  yield await each('a product refreshed, nothing new', 100, refresh);
  offers('11.00');
  yield await each('a product refreshed, three prices changed', 100, refresh);
  yield await each('a page of 50 products', 10, () => times(10, () => ok(p.api('GET', '/api/products/', {}, seller))));
  await p.close();
  service.close();
}

/** The costs of each context; one a process: a function keeps in memory who signs its tokens. */
export const THINGS = {
  orders: costOfOrders,
  receipts: costOfReceipts,
  mailings: costOfMailings,
  catalogue: costOfProducts,
};
