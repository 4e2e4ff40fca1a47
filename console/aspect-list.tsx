import { Box, MenuItem, TextField, Typography } from '@mui/material';
import { useState } from 'react';
import type { OperationName } from '../client/operations';
import { operations } from './api';
import { useCursorPages } from './cursor-pages';
import { type Entity, linked } from './entities';
import { type Field, fieldsOf, inWords } from './schema';
import { useAnswer } from './use-answer';
import { Rows } from './value';

const LIVE_MS = 6_000;
const ROWS = 50;

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

interface AspectListProps {
  name: OperationName;
  params: Record<string, string>;
  /** The thing's, whose own name in each row says nothing. */
  entity?: Entity;
}

/** A list below a thing, page by page, narrowed by the filters of its query. */
export function AspectList({ name, params, entity }: AspectListProps) {
  const [filter, setFilter] = useState<Record<string, string>>({});
  const { cursor, buttons, begin } = useCursorPages();
  const query = { limit: ROWS, ...filter, cursor };
  const { data, problem } = useAnswer<{ results: Record<string, unknown>[]; next?: string | null }>(
    name,
    { ...params, query },
    LIVE_MS,
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
