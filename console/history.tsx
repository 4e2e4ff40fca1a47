import { Box, Typography } from '@mui/material';
import { Link, useRecordContext } from 'react-admin';
import type { Entity } from './entities';
import { inWords } from './schema';
import { useAnswer } from './use-answer';
import { Time } from './value';

interface Entry {
  id: string;
  at: string;
  who: { name: string };
  operation: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  withheld: string[];
}

const inShort = (value: unknown): string => {
  const text = value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
};

/** What a change did to each field that it changed. */
export function Changes({ before, after, withheld }: Pick<Entry, 'before' | 'after' | 'withheld'>) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return (
    <Box component="ul" sx={{ m: 0, pl: 2.5, overflowWrap: 'anywhere' }}>
      {names.map((name) => (
        <Typography key={name} component="li" variant="body2">
          {inWords(name)}: {before && <del>{inShort(before[name])}</del>} {after && <ins>{inShort(after[name])}</ins>}
        </Typography>
      ))}
      {withheld.map((name) => (
        <Typography key={name} component="li" variant="body2">
          {inWords(name)}: changed, its value is not kept here
        </Typography>
      ))}
    </Box>
  );
}

/** So many changes are shown with a thing, all of them in the trail. */
const SHOWN = 20;

/** Who changed a thing, when, and how: its entries of the audit trail. */
export function History({ entity }: { entity: Entity }) {
  const record = useRecordContext();
  const about = { entity: entity.told, entity_id: String(record?.id) };
  const query = { ...about, limit: SHOWN };
  const { data } = useAnswer<{ results: Entry[]; next: string | null }>('listAuditEntries', { query }, 10_000);
  if (!data?.results.length) return null;
  return (
    <Box component="section" sx={{ mt: 3 }}>
      <Typography variant="h6" component="h3" gutterBottom>
        History
      </Typography>
      {data.results.map(({ id, at, who, operation, ...change }) => (
        <Box key={id} sx={{ py: 0.5 }}>
          <Typography variant="body2" color="text.secondary">
            <Time at={at} /> · {who.name} · {inWords(operation).toLowerCase()}
          </Typography>
          <Changes {...change} />
        </Box>
      ))}
      {data.next && (
        <Link to={`/audit?filter=${encodeURIComponent(JSON.stringify(about))}`}>
          {`These are the last ${SHOWN}: all of its history`}
        </Link>
      )}
    </Box>
  );
}

/** The change that an entry of the audit trail is about. */
export function AuditedChange() {
  const record = useRecordContext<Entry>();
  return record ? (
    <Box component="section" sx={{ mt: 3 }}>
      <Typography variant="h6" component="h3" gutterBottom>
        Changed
      </Typography>
      <Changes {...record} />
    </Box>
  ) : null;
}
