import { findPeople } from '../../lambdas/profiles/records';
import { RESOURCES, type Resource } from '../../lambdas/profiles/schema';
import { platform } from '../support/platform';
import { source } from './source';

const FETCHERS = { users: 'FetchUsers', addresses: 'FetchAddresses', credit_cards: 'FetchCreditCards' } as const;

/** The private profiles of a test, with a source of their own that does what the test says. */
export async function openCollector() {
  const theSource = await source();
  const p = await platform('profiles');
  const operator = await p.callers.user('operator');
  const settings = { RANDOM_DATA_API_URL: theSource.url, SOURCE_RETRY_MS: '1', SOURCE_TIMEOUT_MS: '5000' };
  Object.assign(p.named('Profiles/Steps/Function').environment, settings);

  const get = async (path: string) => (await p.api('GET', `/api/profiles/${path}`, {}, operator)).body;

  /** A schedule's run, which may end before its time. */
  const fetch = (resource: Resource, extra: Record<string, string> = {}) =>
    p.run(`Profiles/${FETCHERS[resource]}`, {}, { ...settings, ...extra });

  /** A schedule's run, and what is recorded of it. */
  async function ran(resource: Resource, extra: Record<string, string> = {}) {
    await fetch(resource, extra);
    // the first good one after bad ones is followed by one that catches up
    const { results } = await get(`runs/?resource=${resource}&limit=2`);
    return results.find(({ trigger }: { trigger: string }) => trigger === 'schedule');
  }

  return {
    p,
    operator,
    theSource,
    get,
    fetch,
    ran,

    /** A schedule's run with these records, and what is recorded of it. */
    fetched(resource: Resource, records: unknown) {
      theSource.gives(records);
      return ran(resource);
    },

    /** What is stored under some uids, as a function reads it. */
    findStored(uids: string[]) {
      Object.assign(process.env, p.named('Profiles/FetchUsers').environment);
      return findPeople(uids, RESOURCES);
    },

    async close(): Promise<void> {
      theSource.close();
      await p.close();
    },
  };
}
export type Collector = Awaited<ReturnType<typeof openCollector>>;
