import { Box, Card, CardContent, Typography } from '@mui/material';
import { lazy, Suspense } from 'react';
import { Link, Title, useGetIdentity } from 'react-admin';
import { may } from '../api';
import { ENTITIES } from '../entities';
import { fieldsOf, inWords } from '../schema';
import { useAnswer } from '../use-answer';
import { Fields } from '../value';

const SumsChart = lazy(async () => ({ default: (await import('../charts')).SumsChart }));
const HOUR_MS = 3_600_000;

const Part = ({ title, to, children }: { title: string; to: string; children: React.ReactNode }) => (
  <Card sx={{ flex: '1 1 22rem', minWidth: 0 }}>
    <CardContent>
      <Typography variant="h6" component="h3">
        <Link to={to}>{title}</Link>
      </Typography>
      {children}
    </CardContent>
  </Card>
);

function Receipts() {
  const from = new Date(Math.floor(Date.now() / HOUR_MS - 24) * HOUR_MS).toISOString();
  const { data } = useAnswer<{ total: never }>('getAnalytics', { query: { interval: 'hour', from, limit: 1 } }, 10_000);
  return (
    <Part title="Receipts of the last 24 hours" to="/analytics">
      <Suspense>{data && <SumsChart title="Receipts per hour" sums={data.total} />}</Suspense>
    </Part>
  );
}

const COUNTS = fieldsOf({
  properties: Object.fromEntries(
    ['total', 'processing', 'sent', 'error', 'expired'].map((name) => [name, { type: 'integer' }]),
  ),
});

function Messages() {
  const { data } = useAnswer<{ overall: Record<string, unknown> }>('getStats', { query: { limit: 1 } }, 10_000);
  return (
    <Part title="Messages of all mailings" to="/mailings">
      {data && <Fields fields={COUNTS} of={data.overall} />}
    </Part>
  );
}

const BOOKS = fieldsOf({
  properties: {
    balanced: { type: 'boolean' },
    ...Object.fromEntries(
      ['accepted', 'counted', 'duplicate', 'set_aside', 'waiting', 'lost'].map((name) => [name, { type: 'integer' }]),
    ),
  },
});

function Books() {
  const { data } = useAnswer('getBooks', {}, 10_000);
  return (
    <Part title="The books of receipts" to="/closings">
      {data && <Fields fields={BOOKS} of={data} />}
    </Part>
  );
}

/** Where everybody begins: what goes on, as far as they may know, and the way to everything else. */
export default function Home() {
  const { identity } = useGetIdentity();
  const lists = ENTITIES.filter(({ list }) => may(list));
  const contexts = [...new Set(lists.map(({ context }) => context))];
  return (
    <Box sx={{ mt: 2 }}>
      <Title title="Mercato" />
      <Typography variant="h5" component="h2" gutterBottom>
        {identity ? `Hello, ${identity.fullName}` : 'Mercato'}
      </Typography>
      <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 2 }}>
        {may('getAnalytics') && <Receipts />}
        {may('getStats') && <Messages />}
        {may('getBooks') && <Books />}
        {contexts.map((context) => (
          <Card key={context} sx={{ flex: '1 1 16rem' }}>
            <CardContent>
              <Typography variant="h6" component="h3">
                {inWords(context)}
              </Typography>
              {lists
                .filter((one) => one.context === context)
                .map(({ name, label }) => (
                  <Box key={name} sx={{ py: 0.25 }}>
                    <Link to={`/${name}`}>{label}</Link>
                  </Box>
                ))}
            </CardContent>
          </Card>
        ))}
      </Box>
    </Box>
  );
}
