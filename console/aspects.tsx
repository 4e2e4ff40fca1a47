import { Alert, Box, MenuItem, TextField, Typography } from '@mui/material';
import { lazy, Suspense, useState } from 'react';
import type { OperationName } from '../client/operations';
import { operations } from './api';
import { useCursorPages } from './cursor-pages';
import { type Entity, linked } from './entities';
import { type Field, fieldsOf, inWords } from './schema';
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

interface NarrowProps {
  field: Field;
  value: string;
  onChange: (value: string) => void;
}

/** One of a few words, or a text that is asked for when it is complete. */
function Narrow({ field: { name, schema }, value, onChange }: NarrowProps) {
  const [typed, setTyped] = useState(value);
  const common = { label: inWords(name), fullWidth: false, sx: { minWidth: 140 } };
  if (!schema.enum) {
    return (
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onChange(typed.trim());
        }}
      >
        <TextField
          {...common}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onBlur={() => onChange(typed.trim())}
        />
      </form>
    );
  }
  return (
    <TextField select {...common} value={value} onChange={(event) => onChange(event.target.value)}>
      <MenuItem value="">all</MenuItem>
      {schema.enum.map((one) => (
        <MenuItem key={one} value={one}>
          {one}
        </MenuItem>
      ))}
    </TextField>
  );
}

/** A list below a thing, page by page, narrowed by the filters of its query. */
export function AspectList({ name, params, entity }: AspectListProps) {
  const [filter, setFilter] = useState<Record<string, string>>({});
  const { cursor, buttons, begin } = useCursorPages();
  const query = { limit: ROWS, ...filter, cursor };
  const { data, problem } = useAnswer<{ results: Record<string, unknown>[]; next?: string | null }>(
    name,
    { ...params, query },
    LIVE_MS * 2,
  );
  const fields = fieldsOf(operations[name].returns?.properties?.['results']?.items);
  const shown = fields.filter((field) => !entity || linked(undefined, field.name) !== entity);
  const filters = fieldsOf(operations[name].query).filter((field) => !['limit', 'cursor'].includes(field.name));
  const narrow = (field: string, value: string) => {
    if (value === (filter[field] ?? '')) return;
    begin();
    setFilter({ ...filter, [field]: value });
  };
  return (
    <>
      <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 1 }}>
        {filters.map((field) => (
          <Narrow
            key={field.name}
            field={field}
            value={filter[field.name] ?? ''}
            onChange={(value) => narrow(field.name, value)}
          />
        ))}
      </Box>
      {problem && <Typography color="error">{problem}</Typography>}
      {data &&
        (data.results.length ? (
          <Rows fields={shown} rows={data.results} />
        ) : (
          <Typography variant="body2">None.</Typography>
        ))}
      {buttons(data?.next)}
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
