import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { RefreshPage } from '../../lambdas/catalogue/schema';
import { platform } from '../support/platform';
import { offersServer } from './offers-server';

export const offer = (price: number | string, items_in_stock = 5, id: string = crypto.randomUUID()) => ({
  id,
  price,
  items_in_stock,
});

/** A private catalogue with an offers service of its own that does what a test says. */
export async function openShop() {
  const service = await offersServer();
  process.env['BASE_OFFER_MICROSERVICE_API'] = service.url;
  const p = await platform('catalogue');
  const seller = await p.callers.user();
  const operator = await p.callers.user('operator');
  const { OFFERS_SECRET_ARN: SecretId } = p.named('Catalogue/Refresh/Function').environment;
  await new SecretsManagerClient({}).send(new PutSecretValueCommand({ SecretId, SecretString: 'refresh-token' }));

  const get = async (path: string) => (await p.api('GET', path, {}, operator)).body;

  /** Adds products and works until the service has said something to each. @returns their ids */
  async function addProducts(...names: string[]): Promise<string[]> {
    const ids: string[] = [];
    for (const name of names) {
      const { status, body } = await p.api('POST', '/api/products/', { body: { name, description: 'New.' } }, seller);
      expect(status).toBe(201);
      ids.push(body.id);
    }
    const states = () => Promise.all(ids.map(async (id) => (await get(`/api/registrations/${id}/`)).state));
    await p.settle(async () => !(await states()).includes('pending'));
    return ids;
  }

  return {
    p,
    service,
    seller,
    operator,
    get,
    addProducts,
    addProduct: async (name = 'Oak table'): Promise<string> => (await addProducts(name))[0] ?? '',
    /** Refreshes all offers as the schedule does. @returns the run */
    async refresh() {
      const { id } = await p.run<{ id: string }>('Catalogue/StartRun', {});
      const run = () => get(`/api/catalogue/runs/${id}/`);
      await p.settle(async () => (await run()).state !== 'running');
      return run();
    },
    productOf: (id: string) => get(`/api/products/${id}/`),
    pricesOf: (id: string, query = '') => get(`/api/products/${id}/prices/${query}`),
    offersOf: async (id: string, query = '') => (await get(`/api/products/${id}/offers/${query}`)).results,

    /** A page of a run with some products, as it lies in the queue; not the last one, for the run is not there. */
    pageOf: (ids: string[], page: Partial<RefreshPage> = {}) => ({
      Records: [
        {
          messageId: '1',
          receiptHandle: '1',
          attributes: { ApproximateReceiveCount: '1', SentTimestamp: '0' },
          body: JSON.stringify({
            run: crypto.randomUUID(),
            started_at: new Date().toISOString(),
            segment: 0,
            page: 0,
            pages: 2,
            products: ids.map((id) => ({ id, digest: '', failing: false })),
            ...page,
          }),
        },
      ],
    }),

    async close(): Promise<void> {
      await p.close();
      service.close();
    },
  };
}
export type Shop = Awaited<ReturnType<typeof openShop>>;
