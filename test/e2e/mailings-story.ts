import type { Deployed } from '../support/deployed';
import { eventually } from '../support/processes';

type Headers = Record<string, string>;

/** Stores a client in each of the zones, by CSV. @returns the zone of each client */
export async function importClients(
  { http }: Deployed,
  headers: Headers,
  tag: string,
  zones: string[],
): Promise<Map<string, string>> {
  // the stand-in refuses numbers that end in 0000
  const first = 70_000_000_001 + (Date.now() % 100_000_000) * 100;
  const lines = zones.map((zone, index) => `${first + index},${tag},${zone}`);
  const { body } = await http('POST', '/api/clients/import/', {
    body: `phone_number,tag,timezone\n${lines.join('\n')}`,
    headers: { ...headers, 'content-type': 'text/csv' },
  });
  const path = `/api/clients/import/${body.id}/`;
  await eventually(
    'the clients are imported',
    async () => (await http('GET', path, { headers })).body.status === 'finished',
    60_000,
  );
  const report = (await http('GET', `${path}lines/?limit=200`, { headers })).body.results;
  return new Map(report.map(({ line, client }: { line: number; client: string }) => [client, zones[line - 2] ?? '']));
}

/** Creates a mailing. @returns its id */
export async function mail({ http }: Deployed, headers: Headers, fields: object): Promise<string> {
  const { status, body } = await http('POST', '/api/mailings/', {
    headers,
    body: { text: 'remember this', ...fields },
  });
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body.id;
}

export const statsOf = async ({ http }: Deployed, headers: Headers, mailing: string) =>
  (await http('GET', `/api/mailings/${mailing}/stats/`, { headers })).body;

/** Waits until a mailing is through. @returns its statistics */
export const finished = (stack: Deployed, headers: Headers, mailing: string) =>
  eventually(
    'the mailing is finished',
    async () => {
      const stats = await statsOf(stack, headers, mailing);
      return stats.status === 'finished' && stats;
    },
    120_000,
  );
