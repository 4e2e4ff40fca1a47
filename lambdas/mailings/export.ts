import { cutPage, type ListCall } from '../kernel/page';
import { type Cursor, nextClients } from './audience';
import { csvField } from './csv';
import type { Client } from './schema';

/** Some 600 KB; a Lambda function answers 6 MB at the most. */
export const EXPORT_LINES = 10_000;

const COLUMNS = ['id', 'phone_number', 'operator_code', 'tag', 'timezone'] as const;

const lineOf = (client: Client): string => COLUMNS.map((column) => csvField(client[column] ?? '')).join(',');

interface ExportCall extends ListCall {
  query: ListCall['query'] & { tag?: string | string[] | undefined; operator_code?: string | string[] | undefined };
}

/** Clients as CSV, with the heading that an import takes; and the path of the next part. */
export async function exportClients(call: ExportCall): Promise<{ csv: string; next: string | null }> {
  const { results, next } = await cutPage<Client, Cursor>(call, async (position) => {
    const { found, cursor } = await nextClients(call.query, position ?? { segment: 0 }, EXPORT_LINES);
    return { results: found, position: cursor };
  });
  const path = next?.replace(/([?&])limit=\d+&?/, '$1') ?? null;
  return { csv: `${[COLUMNS.join(','), ...results.map(lineOf)].join('\n')}\n`, next: path };
}
