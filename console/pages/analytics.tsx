import { Box, Card, CardContent, Typography } from '@mui/material';
import { Link, Title } from 'react-admin';
import { type Sums, SumsChart } from '../charts';
import { useCursorPages } from '../cursor-pages';
import { type Period, usePeriod } from '../period';
import { useAnswer } from '../use-answer';

interface Analytics {
  total: Sums;
  results: (Sums & { place_id: string; place_name: string })[];
  next: string | null;
}

function Places({ query, places }: Period) {
  const { cursor, buttons } = useCursorPages();
  const asked = { ...query, limit: places, cursor };
  const { data, problem } = useAnswer<Analytics>('getAnalytics', { query: asked }, 10_000);
  return (
    <>
      {problem && <Typography color="error">{problem}</Typography>}
      {data && (
        <Card sx={{ mb: 2 }}>
          <CardContent>
            <Typography variant="h6" component="h2">
              All places
            </Typography>
            <SumsChart title={`Receipts per ${query.interval}, all places`} sums={data.total} />
          </CardContent>
        </Card>
      )}
      {data?.results.map((place) => (
        <Card key={place.place_id} sx={{ mb: 2 }}>
          <CardContent>
            <Typography variant="h6" component="h2">
              <Link to={`/places/${encodeURIComponent(place.place_id)}/show`}>{place.place_name}</Link>
            </Typography>
            <SumsChart title={`Receipts per ${query.interval}, ${place.place_name}`} sums={place} />
          </CardContent>
        </Card>
      ))}
      {buttons(data?.next)}
    </>
  );
}

/** Receipts per hour or day, over all places and of each. */
export default function AnalyticsPage() {
  const { select, ...period } = usePeriod('Last 24 hours');
  return (
    <Box sx={{ mt: 2 }}>
      <Title title="Analytics" />
      {select}
      <Places key={period.label} {...period} />
    </Box>
  );
}
