import '../support/quick-passwords';
import fc from 'fast-check';
import { beginAttempt, networkOf } from '../../lambdas/identity/throttle';
import { freshAddress, freshName, type Identity, openIdentity, PASSWORD, stopCalendar } from './people';

let { on, who } = {} as Identity;
beforeAll(async () => {
  ({ on, who } = await openIdentity());
});
afterAll(() => on.close());

describe('failed logins', () => {
  let calendar: ReturnType<typeof stopCalendar>;
  beforeEach(() => {
    Object.assign(process.env, on.named('Identity/Api').environment);
    calendar = stopCalendar();
  });

  const aHundredTimes = async (attempt: () => Promise<unknown>) => {
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 10 }, attempt));
  };

  test('are let through ten times from one address, also when all come at once, known user or not', async () => {
    const { user } = await who.register();
    for (const name of [user.username, freshName()]) {
      const address = freshAddress();
      const answers = await Promise.all(Array.from({ length: 14 }, () => who.logIn(name, 'wrong password', address)));
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(4);
      const seconds = Number(refused[0]?.headers['retry-after']);
      expect(seconds).toBeGreaterThan(0);
      expect(seconds).toBeLessThanOrEqual(900);
      expect((await who.logIn(name, PASSWORD, address)).status).toBe(429);
      if (name !== user.username) continue;
      // from elsewhere the user gets in, and here after the time given
      expect((await who.logIn(name)).status).toBe(200);
      calendar.move(seconds);
      expect((await who.logIn(name, PASSWORD, address)).status).toBe(200);
    }
  });

  test('are forgiven by a login', async () => {
    const { user } = await who.register();
    const address = freshAddress();
    for (let round = 0; round < 2; round++) {
      for (let tried = 0; tried < 6; tried++) {
        expect((await who.logIn(user.username, 'wrong password', address)).status).toBe(401);
      }
      expect((await who.logIn(user.username, PASSWORD, address)).status).toBe(200);
    }
  });

  test('of many names from one address shut the address out, not others', async () => {
    const { user } = await who.register();
    const address = freshAddress();
    await aHundredTimes(() => beginAttempt(freshName(), address));
    expect((await who.logIn(user.username, PASSWORD, address)).status).toBe(429);
    expect((await who.logIn(user.username)).status).toBe(200);
  });

  test('of one name from everywhere shut out strangers, not the addresses of its user', async () => {
    const { user } = await who.register();
    const home = freshAddress();
    expect((await who.logIn(user.username, PASSWORD, home)).status).toBe(200);
    await aHundredTimes(() => beginAttempt(user.username, freshAddress()));
    expect((await who.logIn(user.username)).status).toBe(429);
    expect((await who.logIn(user.username, PASSWORD, home)).status).toBe(200);
    calendar.move(900);
    expect((await who.logIn(user.username)).status).toBe(200);
    // a month later home is an address like any other
    calendar.move(31 * 86_400);
    await aHundredTimes(() => beginAttempt(user.username, freshAddress()));
    expect((await who.logIn(user.username, PASSWORD, home)).status).toBe(429);
  });

  test('count for the network of an IPv6 caller', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    fc.assert(
      fc.property(
        fc.array(group, { minLength: 8, maxLength: 8 }),
        fc.array(group, { minLength: 4, maxLength: 4 }),
        (all, host) => {
          const neighbour = [...all.slice(0, 4), ...host].join(':');
          expect(networkOf(neighbour)).toBe(networkOf(all.join(':').toUpperCase()));
          const elsewhere = [(Number.parseInt(all[0] ?? '', 16) ^ 1).toString(16), ...all.slice(1)].join(':');
          expect(networkOf(elsewhere)).not.toBe(networkOf(neighbour));
        },
      ),
    );
    expect(networkOf('2001:db8::1')).toBe(networkOf('2001:0db8:0:0:1:2:3:4'));
    expect(networkOf('::1')).toBe(networkOf('0:0:0:0:0:0:0:1'));
    expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(networkOf('192.0.2.1')).not.toBe(networkOf('192.0.2.2'));
  });
});
