import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DeleteCommand, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { type Platform, platform } from '../support/platform';
import { type OffersServer, offersServer } from './offers-server';

type Service = typeof import('../../lambdas/catalogue/offers-service');

let p: Platform;
let service: OffersServer;

const Key = { pk: 'OFFERS_TOKEN', sk: 'OFFERS_TOKEN' };

beforeAll(async () => {
  p = await platform('catalogue');
  const { environment } = p.named('Catalogue/Refresh/Function');
  Object.assign(process.env, environment);
  const SecretId = environment['OFFERS_SECRET_ARN'];
  await new SecretsManagerClient({}).send(new PutSecretValueCommand({ SecretId, SecretString: 'refresh-token' }));
});
afterAll(() => p.close());
beforeEach(async () => {
  service = await offersServer();
  process.env['BASE_OFFER_MICROSERVICE_API'] = service.url;
  await documents.send(new DeleteCommand({ TableName: process.env['TABLE_NAME'], Key }));
});
afterEach(() => service.close());

/** The client as a function that has just started has it: with a memory of its own. */
function startedFunction(): Service {
  let client: Service | undefined;
  jest.isolateModules(() => {
    client = require('../../lambdas/catalogue/offers-service');
  });
  return client as Service;
}

const product = '0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55';

test('ten functions that start at once share one token, asked for once', async () => {
  service.state.tokenDelay = 300;
  const functions = Array.from({ length: 10 }, startedFunction);
  const answers = await Promise.all(functions.map(({ fetchOffers }) => fetchOffers(product)));
  expect(answers).toEqual(Array(10).fill([]));
  expect(service.state).toMatchObject({ issued: 1, refused: 0, fetched: 10 });
});

test('the token is renewed when the service says that it is over, once for all', async () => {
  const functions = Array.from({ length: 5 }, startedFunction);
  await Promise.all(functions.map(({ fetchOffers }) => fetchOffers(product)));
  service.state.validUntil = 0;
  await Promise.all(functions.map(({ fetchOffers }) => fetchOffers(product)));
  expect(service.state).toMatchObject({ issued: 2, refused: 0, fetched: 10 });
});

test('a 401 for one product leaves the token to the others', async () => {
  const { fetchOffers } = startedFunction();
  await fetchOffers(product);
  service.state.offers.set(product, 401);
  await expect(fetchOffers(product)).rejects.toMatchObject({ failure: 'unauthorized' });
  expect(service.state).toMatchObject({ issued: 1, refused: 1 });
  expect(await startedFunction().fetchOffers(crypto.randomUUID())).toEqual([]);
  await expect(fetchOffers(product)).rejects.toMatchObject({ failure: 'unauthorized' });
  // and asks no more than every few seconds whether it is over
  expect(service.state).toMatchObject({ issued: 1, refused: 1 });
});

test('a token lost with the function that asked for it: the others go without until it expires, then on', async () => {
  // given to somebody who never stored it
  service.state.token = 'lost';
  service.state.validUntil = Date.now() + 60_000;
  const functions = Array.from({ length: 4 }, startedFunction);
  const outcomes = await Promise.allSettled(functions.map(({ fetchOffers }) => fetchOffers(product)));
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { failure: 'unavailable' } });
  }
  expect(service.state).toMatchObject({ issued: 0, refused: 1 });
  const realNow = Date.now;
  jest.spyOn(Date, 'now').mockImplementation(() => realNow() + 61_000);
  expect(await functions[0]?.fetchOffers(product)).toEqual([]);
  expect(service.state).toMatchObject({ issued: 1, refused: 1 });
  jest.restoreAllMocks();
});

test('a token that no header can hold is none, and one sealed with a key that is gone is none', async () => {
  service.state.nextToken = 'two\nlines';
  const { fetchOffers } = startedFunction();
  await expect(fetchOffers(product)).rejects.toMatchObject({ failure: 'unavailable' });
  service.state.validUntil = 0;
  const realNow = Date.now;
  jest.spyOn(Date, 'now').mockImplementation(() => realNow() + 6_000);
  expect(await fetchOffers(product)).toEqual([]);
  await documents.send(
    new UpdateCommand({
      TableName: process.env['TABLE_NAME'],
      Key,
      UpdateExpression: 'SET sealed = :other',
      ExpressionAttributeValues: { ':other': 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA' },
    }),
  );
  service.state.validUntil = 0;
  expect(await startedFunction().fetchOffers(product)).toEqual([]);
  expect(service.state).toMatchObject({ issued: 3 });
  jest.restoreAllMocks();
});

test('the token is sealed where it lies', async () => {
  await startedFunction().fetchOffers(product);
  const { Item } = await documents.send(new GetCommand({ TableName: process.env['TABLE_NAME'], Key }));
  expect(Item?.['sealed']).toEqual(expect.any(String));
  expect(JSON.stringify(Item)).not.toContain(service.state.token);
});
