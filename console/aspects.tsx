import { Alert, Box, Button, MenuItem, TextField, Typography } from '@mui/material';
import { lazy, Suspense, useState } from 'react';
import type { OperationName } from '../client/operations';
import { operations } from './api';
import { type Entity, linked } from './entities';
import { fieldsOf, inWords } from './schema';
import { useAnswer, useParams } from './use-answer';
import { Fields, Rows, State, Time } from './value';

const LIVE_MS = 3_000;
const ROWS = 50;

export interface AspectProps {
  name: OperationName;
  params: Record<string, string>;
  entity: Entity;
}

function Timeline({ name, params }: AspectProps) {
  const { data } = useAnswer<{
    waiting_for: string | null;
    status: string;
    events: { at: string; event: string; text: string }[];
  }>(name, params, LIVE_MS);
  if (!data) return null;
  return (
    <>
      <Alert severity={data.waiting_for ? 'info' : 'success'} sx={{ mb: 1 }}>
        {data.waiting_for ? `Not done yet: ${data.waiting_for}` : <State text={data.status} />}
      </Alert>
      <Box component="ol" sx={{ listStyle: 'none', p: 0, m: 0, borderLeft: 2, borderColor: 'divider' }}>
        {data.events.map(({ at, event, text }) => (
          <Box component="li" key={`${at} ${event} ${text}`} sx={{ pl: 2, py: 0.5 }}>
            <Typography variant="body2">{text}</Typography>
            <Typography variant="caption" color="text.secondary">
              <Time at={at} /> · {inWords(event).toLowerCase()}
            </Typography>
          </Box>
        ))}
      </Box>
    </>
  );
}

interface AspectListProps extends Omit<AspectProps, 'entity'> {
  entity?: Entity;
}

/** A list below a thing, page by page, narrowed by the filters that are a choice of words. */
export function AspectList({ name, params, entity }: AspectListProps) {
  const [filter, setFilter] = useState<Record<string, string>>({});
  const [cursors, setCursors] = useState<string[]>([]);
  const query = { limit: ROWS, ...filter, cursor: cursors.at(-1) };
  const { data, problem } = useAnswer<{ results: Record<string, unknown>[]; next?: string | null }>(
    name,
    { ...params, query },
    LIVE_MS * 2,
  );
  const fields = fieldsOf(operations[name].returns?.properties?.['results']?.items);
  const shown = fields.filter((field) => !entity || linked(undefined, field.name) !== entity);
  const choices = fieldsOf(operations[name].query).filter(({ kind }) => kind === 'choice');
  const following = data?.next && new URLSearchParams(data.next.split('?')[1]).get('cursor');
  const narrow = (field: string, value: string) => {
    setCursors([]);
    setFilter({ ...filter, [field]: value });
  };
  return (
    <>
      {choices.map(({ name: field, schema }) => (
        <TextField
          key={field}
          select
          label={inWords(field)}
          value={filter[field] ?? ''}
          onChange={(event) => narrow(field, event.target.value)}
          fullWidth={false}
          sx={{ minWidth: 140 }}
        >
          <MenuItem value="">all</MenuItem>
          {schema.enum?.map((value) => (
            <MenuItem key={value} value={value}>
              {value}
            </MenuItem>
          ))}
        </TextField>
      ))}
      {problem && <Typography color="error">{problem}</Typography>}
      {data &&
        (data.results.length ? (
          <Rows fields={shown} rows={data.results} />
        ) : (
          <Typography variant="body2">None.</Typography>
        ))}
      {(cursors.length > 0 || following) && (
        <Box>
          <Button disabled={!cursors.length} onClick={() => setCursors(cursors.slice(0, -1))}>
            Back
          </Button>
          <Button disabled={!following} onClick={() => following && setCursors([...cursors, following])}>
            Next
          </Button>
        </Box>
      )}
    </>
  );
}

function AspectFields({ name, params, entity }: AspectProps) {
  const { data, problem } = useAnswer(name, params, LIVE_MS * 2);
  if (!data) return <Typography variant="body2">{problem ?? ''}</Typography>;
  return <Fields fields={fieldsOf(operations[name].returns)} of={data} entity={entity} />;
}

const charts = () => import('./charts');
const Prices = lazy(async () => ({ default: (await charts()).Prices }));
const PlaceSums = lazy(async () => ({ default: (await charts()).PlaceSums }));
const MailingProgress = lazy(async () => ({ default: (await charts()).MailingProgress }));

/** Reads that people would rather look at than read. */
const SPECIAL: Partial<Record<OperationName, React.ComponentType<AspectProps>>> = {
  getTimeline: Timeline,
  getPrices: Prices,
  getPlaceAnalytics: PlaceSums,
  getMailingStats: MailingProgress,
};

/** One of the reads that belong to a thing, as a part of its page. */
export function Aspect({ name, entity }: { name: OperationName; entity: Entity }) {
  const params = useParams(entity.id);
  const items = operations[name].returns?.properties?.['results']?.items;
  const Shown = SPECIAL[name];
  const props = { name, params, entity };
  return (
    <Box component="section" sx={{ mt: 3 }}>
      <Typography variant="h6" component="h3" gutterBottom>
        {inWords(name.replace(/^(get|list)/, ''))}
      </Typography>
      <Suspense>
        {Shown ? <Shown {...props} /> : items ? <AspectList {...props} /> : <AspectFields {...props} />}
      </Suspense>
    </Box>
  );
}
