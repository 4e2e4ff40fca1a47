import { Box, Button, Card, CardContent, MenuItem, TextField, Typography } from '@mui/material';
import { type ReactNode, useMemo, useState } from 'react';
import { Link, Title } from 'react-admin';
import type { OperationName } from '../../client/operations';
import { api, may, operations } from '../api';
import { Chart } from '../charts';
import { fieldsOf } from '../schema';
import { useAnswer } from '../use-answer';
import { useDeed } from '../use-deed';
import { Fields, Rows, Time } from '../value';

const LIVE_MS = 3_000;

const Part = ({ title, to, children }: { title: string; to?: string; children: ReactNode }) => (
  <Card sx={{ mb: 2 }}>
    <CardContent>
      <Typography variant="h6" component="h2" gutterBottom>
        {to ? <Link to={to}>{title}</Link> : title}
      </Typography>
      {children}
    </CardContent>
  </Card>
);

type Percentiles = { p50: number; p95: number } | null;
interface Summary {
  states: Record<string, number>;
  succeeded: number;
  failed: number;
  per_second: number;
  runtime_seconds: Percentiles;
  wait_seconds: Percentiles;
  buckets: { start: string; succeeded: number; failed: number }[];
}

const inSeconds = (both: Percentiles): string => (both ? `${both.p50} s and ${both.p95} s` : 'not known yet');

function Tasks() {
  const [last, setLast] = useState('hour');
  const { data, problem } = useAnswer<Summary>('getTaskSummary', { query: { last } }, LIVE_MS);
  const drawn = useMemo(() => {
    const buckets = data?.buckets ?? [];
    return {
      times: buckets.map(({ start }) => Date.parse(start) / 1_000),
      lines: [
        { label: 'Succeeded', values: buckets.map(({ succeeded }) => succeeded) },
        { label: 'Failed', values: buckets.map(({ failed }) => failed) },
      ],
    };
  }, [data]);
  return (
    <Part title="Tasks" to="/tasks">
      <TextField select label="Period" value={last} onChange={(event) => setLast(event.target.value)} fullWidth={false}>
        <MenuItem value="hour">Last hour</MenuItem>
        <MenuItem value="day">Last day</MenuItem>
      </TextField>
      {problem && <Typography color="error">{problem}</Typography>}
      {data && (
        <>
          <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 2, my: 1 }}>
            {Object.entries(data.states).map(([state, count]) => (
              <Link key={state} to={`/tasks?filter=${encodeURIComponent(JSON.stringify({ state }))}`}>
                {`${state} ${count.toLocaleString()}`}
              </Link>
            ))}
          </Box>
          <Typography variant="body2">
            {`${data.succeeded.toLocaleString()} succeeded and ${data.failed.toLocaleString()} failed, ${data.per_second} a second. Runtime p50 and p95: ${inSeconds(data.runtime_seconds)}; wait: ${inSeconds(data.wait_seconds)}.`}
          </Typography>
          <Chart title="Tasks over time" {...drawn} />
        </>
      )}
    </Part>
  );
}

/** A list that has no pages, as a table that lives. */
function Live({ name, title, to, columns }: { name: OperationName; title: string; to: string; columns: string[] }) {
  const { data, problem } = useAnswer<{ results: Record<string, unknown>[] }>(name, {}, LIVE_MS);
  const fields = fieldsOf(operations[name].returns?.properties?.['results']?.items);
  return (
    <Part title={title} to={to}>
      {problem && <Typography color="error">{problem}</Typography>}
      {data && <Rows fields={fields.filter((field) => columns.includes(field.name))} rows={data.results} />}
    </Part>
  );
}

const STEPS: [label: string, seconds: number][] = [
  ['An hour on', 3_600],
  ['A day on', 86_400],
  ['A week on', 604_800],
];

function Clock() {
  const { data, reload } = useAnswer<{ offset_seconds: number; movable: boolean }>('getClock', {}, LIVE_MS);
  const { busy, problem, run } = useDeed();
  if (!data) return null;
  const { offset_seconds, movable } = data;
  const move = (seconds: number) =>
    run(async () => {
      await api.moveClock({ body: { offset_seconds: seconds } });
      reload();
    });
  return (
    <Part title="Clock">
      <Typography variant="body2" gutterBottom>
        <Time at={new Date(Date.now() + offset_seconds * 1_000).toISOString()} />
        {offset_seconds
          ? `, ${Math.round(offset_seconds / 3_600)} hours ahead of the machine`
          : ', as the machine has it'}
      </Typography>
      {movable && may('moveClock') && (
        <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 1 }}>
          {STEPS.map(([label, seconds]) => (
            <Button
              key={label}
              size="small"
              variant="outlined"
              disabled={busy}
              onClick={() => move(offset_seconds + seconds)}
            >
              {label}
            </Button>
          ))}
          <Button size="small" variant="outlined" disabled={busy || offset_seconds === 0} onClick={() => move(0)}>
            Back to now
          </Button>
        </Box>
      )}
      {problem && <Typography color="error">{problem}</Typography>}
    </Part>
  );
}

/** What goes on: tasks, lanes, streams, neighbours and the time, as they are now. */
export default function OperationsPage() {
  return (
    <Box sx={{ mt: 2 }}>
      <Title title="Live" />
      <Tasks />
      <Live
        name="listQueues"
        title="Queues"
        to="/queues"
        columns={['lane', 'waiting', 'in_flight', 'delayed', 'dead', 'oldest_since']}
      />
      <Live name="listStreams" title="Streams" to="/streams" columns={['stream', 'kind', 'lag', 'dead']} />
      <Live name="listNeighbours" title="Neighbours" to="/neighbours" columns={['name', 'state', 'detail']} />
      <Clock />
    </Box>
  );
}

/** What came in against what became of it. */
export function BooksPage() {
  const { data, problem } = useAnswer('getBooks', {}, LIVE_MS);
  return (
    <Box sx={{ mt: 2 }}>
      <Title title="Books" />
      <Part title="The books of receipts">
        <Typography variant="body2" gutterBottom>
          accepted = counted + duplicate + set aside + waiting, at any time
        </Typography>
        {problem && <Typography color="error">{problem}</Typography>}
        {data && <Fields fields={fieldsOf(operations.getBooks.returns)} of={data} />}
      </Part>
    </Box>
  );
}
