import { consoleOperations } from '../../lib/console-operations';

interface Entities {
  ENTITIES: { name: string; told?: string }[];
  placeOf(path: string): string | undefined;
}

let entities: Entities;
beforeAll(() => {
  Object.assign(globalThis, {
    OPERATIONS: consoleOperations(),
    location: { href: 'http://localhost/' },
    document: { querySelector: () => null },
    localStorage: { getItem: () => null },
  });
  // of a browser, whose types are not those of the tests
  entities = jest.requireActual<Entities>('../../console/entities');
});

test('the audit trail is asked for what it calls a thing, not for what stands below its path', () => {
  const told = Object.fromEntries(entities.ENTITIES.map((one) => [one.name, one.told]));
  expect(told).toMatchObject({ clients: 'client', users: 'user', 'receipts-set-aside': 'set_aside_receipt' });
  expect(told['receipts']).toBeUndefined();
});

test.each([
  ['/api/profiles/runs/', '/profile-runs'],
  ['/api/v1/data/orders/o1/', '/orders/o1/show'],
  ['/api/v1/data/orders/o1/timeline/', '/orders/o1/show'],
  ['/api/checks/set-aside/s1/', '/receipts-set-aside/s1/show'],
  ['/api/clients/import/i1/', '/import?id=i1'],
  ['/api/auth/password/', undefined],
])('%s is shown at %s', (path, place) => {
  expect(entities.placeOf(path)).toBe(place);
});
