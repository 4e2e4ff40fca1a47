import { Box, Card, CardContent, MenuItem, TextField, Typography } from '@mui/material';
import { useState } from 'react';
import { Link, Title } from 'react-admin';
import { type Sums, SumsChart } from '../charts';
import { useAnswer } from '../use-answer';

const HOUR_MS = 3_600_000;
const PERIODS = [
  { label: 'Last 24 hours', hours: 24, interval: 'hour' },
  { label: 'Last 7 days', hours: 168, interval: 'hour' },
  { label: 'Last 90 days', hours: 2_160, interval: 'day' },
  { label: 'All time', hours: 0, interval: 'day' },
] as const;

interface Analytics {
  total: Sums;
  results: (Sums & { place_id: string; place_name: string })[];
}

/** Receipts per hour or day, over all places and of each. */
export default function AnalyticsPage() {
  const [index, setIndex] = useState(0);
  const { hours, interval } = PERIODS[index] ?? PERIODS[0];
  // to the hour, so that the same question is not another one at each look
  const from = hours ? new Date(Math.floor(Date.now() / HOUR_MS - hours) * HOUR_MS).toISOString() : undefined;
  const { data, problem } = useAnswer<Analytics>('getAnalytics', { query: { interval, from, limit: 50 } }, 10_000);
  return (
    <Box sx={{ mt: 2 }}>
      <Title title="Analytics" />
      <TextField
        select
        label="Period"
        value={index}
        onChange={(event) => setIndex(Number(event.target.value))}
        sx={{ mb: 2, minWidth: 200 }}
      >
        {PERIODS.map(({ label }, at) => (
          <MenuItem key={label} value={at}>
            {label}
          </MenuItem>
        ))}
      </TextField>
      {problem && <Typography color="error">{problem}</Typography>}
      {data && (
        <Card sx={{ mb: 2 }}>
          <CardContent>
            <Typography variant="h6" component="h2">
              All places
            </Typography>
            <SumsChart title={`Receipts per ${interval}, all places`} sums={data.total} />
          </CardContent>
        </Card>
      )}
      {data?.results.map((place) => (
        <Card key={place.place_id} sx={{ mb: 2 }}>
          <CardContent>
            <Typography variant="h6" component="h2">
              <Link to={`/places/${encodeURIComponent(place.place_id)}/show`}>{place.place_name}</Link>
            </Typography>
            <SumsChart title={`Receipts per ${interval}, ${place.place_name}`} sums={place} />
          </CardContent>
        </Card>
      ))}
    </Box>
  );
}
