import dns from 'node:dns';
import { type LookupFunction, Socket } from 'node:net';
import { refusal } from '../../lambdas/orders/webhook-client';
import { type Deliveries, openDeliveries } from './deliveries';
import { messageTo, ORDERS, PROCESS, place, receiver } from './shop';

let { on, operator, delivery, restore, close } = {} as Deliveries;
beforeAll(async () => {
  ({ on, operator, delivery, restore, close } = await openDeliveries());
});
afterAll(() => close());
afterEach(() => restore());

describe('addresses', () => {
  test("a caller's gets no credential; one with a password is refused", async () => {
    const fine = await receiver();
    await (await delivery(fine.url)).attempt();
    expect(Object.keys(fine.received[0]?.headers ?? {}).sort()).toEqual([
      'connection',
      'content-length',
      'content-type',
      'host',
      'user-agent',
      'webhook-id',
      'webhook-signature',
      'webhook-timestamp',
    ]);
    const own = `${on.gateway}${ORDERS}${(await place(on, operator)).uuid}/status/update`;
    expect((await (await delivery(own)).attempt()).attempts).toMatchObject([{ status_code: 401 }]);
    for (const url of [
      'http://me:secret@example.com/',
      'ftp://example.com/',
      '/api/v1/',
      'javascript:alert(1)',
      'http://',
    ]) {
      const { status: refused, body } = await on.api('POST', PROCESS, { body: messageTo(url) }, operator);
      expect([refused, body.errors?.[0]?.path]).toEqual([422, 'webhook_url']);
    }
  });

  test.each([
    '10.1.2.3',
    '127.0.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.168.1.1',
    '172.31.255.255',
    '0.0.0.0',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '198.18.0.1',
    '192.0.2.1',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'fd00:ec2::254',
    'ff02::1',
    '::ffff:10.0.0.1',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    'fec0::1',
    '100::1',
  ])('%s is no public address', (address) => expect(refusal(address)).toContain('not a public address'));

  test.each(['8.8.8.8', '93.184.216.34', '2606:4700:4700::1111', '2a00:1450:4001:81b::200e'])('%s is', (address) =>
    expect(refusal(address)).toBeUndefined(),
  );

  const elsewhere = { STAGE: 'dev' };

  test.each(['127.0.0.1', '[::1]', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]', '017700000001'])(
    'http://%s is not called outside of the local stage',
    async (host) => {
      const inside = await receiver();
      const { attempt } = await delivery(`http://${host}:${inside.port}/`);
      const { status: pending, attempts } = await attempt(elsewhere);
      expect(pending).toBe('pending');
      expect(attempts[0].error).toContain('is not a public address');
      expect(inside.received).toHaveLength(0);
    },
  );

  type Answer = (error: Error | null, addresses: { address: string; family: number }[]) => void;
  /** The resolver of this machine, answering as told. */
  function resolveTo(...answers: string[][]) {
    let count = 0;
    return jest.spyOn(dns, 'lookup').mockImplementation(((_name: string, _options: object, done: Answer) => {
      const addresses = answers[Math.min(count++, answers.length - 1)] ?? [];
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    }) as never);
  }

  test.each([[['127.0.0.1']], [['10.0.0.1']], [['::1']], [['93.184.216.34', '127.0.0.1']], [[]]])(
    'a name that resolves to %j is not called',
    async (addresses) => {
      const inside = await receiver();
      resolveTo(addresses);
      const { attempt } = await delivery(`http://inside.example:${inside.port}/`);
      expect((await attempt(elsewhere)).attempts[0].error).toMatch(/is not a public address|has no address/);
      expect(inside.received).toHaveLength(0);
    },
  );

  test('a name is asked once: what was checked is connected to, whatever it resolves to then', async () => {
    const inside = await receiver();
    const lookup = resolveTo(['93.184.216.34'], ['127.0.0.1']);
    const targets: unknown[] = [];
    // stops at the threshold of the network, with the address in hand
    const { connect } = Socket.prototype;
    jest.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...given: unknown[]) {
      const [options] = given.flat() as { host?: string; lookup: LookupFunction }[];
      if (options?.host !== 'rebinding.example') return connect.apply(this, given as never);
      options.lookup(options.host, { all: true }, (_error, found) => {
        targets.push(found);
        setImmediate(() => this.destroy(new Error('stopped')));
      });
      return this;
    });
    const { attempt } = await delivery(`http://rebinding.example:${inside.port}/`);
    expect(await attempt(elsewhere)).toMatchObject({ status: 'pending', attempts: [{ status_code: null }] });
    expect(targets).toEqual([[{ address: '93.184.216.34', family: 4 }]]);
    expect(lookup).toHaveBeenCalledTimes(1);
    expect(inside.received).toHaveLength(0);
  });

  test('a name that cannot be resolved is a failure', async () => {
    jest
      .spyOn(dns, 'lookup')
      .mockImplementation(((_name: string, _options: object, done: Answer) =>
        done(new Error('getaddrinfo ENOTFOUND nowhere.example'), undefined as never)) as never);
    const { attempt } = await delivery('http://nowhere.example/');
    expect((await attempt(elsewhere)).attempts[0].error).toContain('ENOTFOUND');
  });

  test('in the local stage this machine may be called by name', async () => {
    const inside = await receiver();
    const { attempt } = await delivery(`http://localhost:${inside.port}/`);
    expect(await attempt()).toMatchObject({ status: 'delivered' });
  });
});
