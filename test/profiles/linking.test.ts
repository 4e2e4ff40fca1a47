import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { documents } from '../../lambdas/kernel/documents';
import { deletePerson, store } from '../../lambdas/profiles/link';
import { findPerson } from '../../lambdas/profiles/records';
import { RESOURCES, type Resource, type SourceRecord } from '../../lambdas/profiles/schema';
import { type Platform, platform } from '../support/platform';

/**
 * Each actor is one function instance; a turn is one call to DynamoDB, which is atomic there. The schedule says whose turn
 * is next, so that every order of calls can be played, on the emulator's real tables. Two reads in a row see the same
 * whichever is first: of such orders, which differ in nothing, one is played.
 */
class Turns {
  private readonly waiting = new Map<string, { go: () => void; isRead: boolean }>();
  private readonly running = new Set<string>();
  private change: (() => void) | undefined;

  pass(actor: string, isRead: boolean): Promise<void> {
    return new Promise((go) => {
      this.waiting.set(actor, { go, isRead });
      this.change?.();
    });
  }

  /** Plays the actors, choosing among those who wait. @returns how many there were to choose from at each turn */
  async play(actors: Record<string, () => Promise<unknown>>, choose: (turn: number, among: number) => number) {
    const ends = Object.entries(actors).map(async ([name, act]) => {
      this.running.add(name);
      try {
        await current.run({ name, turns: this }, act);
      } finally {
        this.running.delete(name);
        this.change?.();
      }
    });
    const choices: number[] = [];
    let lastReader = '';
    while (this.running.size) {
      if (this.waiting.size < this.running.size) {
        await new Promise<void>((resolve) => {
          this.change = resolve;
        });
        continue;
      }
      const all = [...this.waiting].sort(([a], [b]) => (a < b ? -1 : 1));
      const others = all.filter(([name, { isRead }]) => !isRead || name > lastReader);
      const open = others.length ? others : all.slice(0, 1);
      const next = open[choose(choices.length, open.length)] ?? open[0];
      if (!next) continue;
      const [name, { go, isRead }] = next;
      choices.push(open.length);
      lastReader = isRead ? name : '';
      this.waiting.delete(name);
      go();
    }
    await Promise.all(ends);
    return choices;
  }
}
const current = new AsyncLocalStorage<{ name: string; turns: Turns }>();

type Next = (args: unknown) => Promise<unknown>;
const READS = ['BatchGetItemCommand', 'GetItemCommand', 'QueryCommand'];
(documents.middlewareStack as unknown as { add: (middleware: unknown, options: object) => void }).add(
  (next: Next, { commandName = '' }: { commandName?: string }) =>
    async (args: unknown) => {
      const actor = current.getStore();
      if (actor) await actor.turns.pass(actor.name, READS.includes(commandName));
      return next(args);
    },
  { step: 'initialize', name: 'turns', priority: 'low' },
);

let p: Platform;
beforeAll(async () => {
  p = await platform('profiles');
  // the verbs run in this process, on the tables of the function that has them all
  Object.assign(process.env, p.named('Profiles/FetchUsers').environment);
});
afterAll(() => p.close());

const AT = '2026-01-01T00:00:00.000Z';
const record = (resource: Resource, uid: string, more: object = {}): SourceRecord => ({
  uid,
  ...(resource === 'users' ? { first_name: 'Ada', last_name: 'Berg', email: 'ada@example.com' } : { city: 'Lake Ada' }),
  ...more,
});

/** What must be true of everything under one uid, at any time. */
async function expectTrue(uid: string) {
  const person = await findPerson(uid, RESOURCES);
  for (const part of ['addresses', 'credit_cards'] as const) {
    const stored = person[part];
    if (stored) expect({ part, user: stored.user }).toEqual({ part, user: person.users ? uid : undefined });
  }
  return person;
}

/** Every order of the actors' calls, each played on a uid of its own. @returns how many there are */
async function everyOrder(
  scene: (uid: string) => Promise<Record<string, () => Promise<unknown>>>,
  check: (uid: string) => Promise<void>,
): Promise<number> {
  let prefix: number[] = [];
  for (let played = 1; ; played++) {
    const uid = randomUUID();
    const chosen: number[] = [];
    const choices = await new Turns().play(await scene(uid), (turn) => {
      chosen[turn] = prefix[turn] ?? 0;
      return chosen[turn];
    });
    await check(uid);
    let last = choices.length - 1;
    while (last >= 0 && (chosen[last] ?? 0) + 1 >= (choices[last] ?? 0)) last--;
    if (last < 0) return played;
    prefix = [...chosen.slice(0, last), (chosen[last] ?? 0) + 1];
  }
}

test('user, address and card at the same instant: linked exactly once in every order of every call', async () => {
  const linked = new Map<string, number>();
  const orders = await everyOrder(
    async (uid) =>
      Object.fromEntries(
        RESOURCES.map((resource) => [
          resource,
          async () => {
            const step = await store(resource, record(resource, uid), AT);
            linked.set(uid, (linked.get(uid) ?? 0) + step.linked);
          },
        ]),
      ),
    async (uid) => {
      const person = await expectTrue(uid);
      expect([person.addresses?.user, person.credit_cards?.user, linked.get(uid)]).toEqual([uid, uid, 2]);
    },
  );
  // a read and a write each make 36; those that fail by their condition and begin again make more
  expect(orders).toBeGreaterThan(36);
}, 300_000);

test('a user who is deleted while an address arrives leaves no dead link, in every order of every call', async () => {
  const orders = await everyOrder(
    async (uid) => {
      await store('users', record('users', uid), AT);
      await store('credit_cards', record('credit_cards', uid), AT);
      return {
        address: () => store('addresses', record('addresses', uid), AT),
        deletion: () => deletePerson(uid),
        change: () => store('credit_cards', record('credit_cards', uid, { changed: true }), '2026-01-02T00:00:00.000Z'),
      };
    },
    async (uid) => {
      const person = await expectTrue(uid);
      expect(person.users).toBeUndefined();
      expect([person.addresses?.user, person.credit_cards?.user]).toEqual([undefined, undefined]);
      expect(person.credit_cards?.record).toContain('changed');
    },
  );
  expect(orders).toBeGreaterThan(20);
}, 300_000);

test('any story of arrivals, changes and deletions, in any order of calls, keeps links true', async () => {
  const act = fc.record({
    what: fc.constantFrom<Resource | 'deletion'>('users', 'addresses', 'credit_cards', 'users', 'deletion'),
    version: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 2, maxLength: 5 }),
      fc.array(fc.nat(4), { maxLength: 30 }),
      async (acts, schedule) => {
        const uid = randomUUID();
        const actors = acts.map(({ what, version }, index) => [
          `${index} ${what}`,
          () =>
            what === 'deletion'
              ? deletePerson(uid).catch(() => undefined)
              : store(what, record(what, uid, { version }), `2026-01-0${version}T00:00:00.000Z`),
        ]);
        await new Turns().play(Object.fromEntries(actors), (turn, among) => (schedule[turn] ?? 0) % among);
        const person = await expectTrue(uid);
        // the newest answer holds, whichever came last
        for (const part of ['addresses', 'credit_cards'] as const) {
          const newest = Math.max(...acts.filter(({ what }) => what === part).map(({ version }) => version));
          if (person[part]) expect(JSON.parse(person[part].record)).toMatchObject({ version: newest });
        }
      },
    ),
    { numRuns: 120 },
  );
}, 300_000);

test('three functions at once, fifty people each: all linked, none twice', async () => {
  const uids = Array.from({ length: 50 }, () => randomUUID());
  const links = await Promise.all(
    RESOURCES.flatMap((resource) => uids.map(async (uid) => (await store(resource, record(resource, uid), AT)).linked)),
  );
  expect(links.reduce((sum, linked) => sum + linked, 0)).toBe(100);
  for (const uid of uids) expect((await expectTrue(uid)).addresses?.user).toBe(uid);
}, 120_000);

test('a user’s page is one call', async () => {
  const uid = randomUUID();
  for (const resource of RESOURCES) await store(resource, record(resource, uid), AT);
  const choices = await new Turns().play({ page: () => findPerson(uid, RESOURCES) }, () => 0);
  expect(choices).toHaveLength(1);
});
