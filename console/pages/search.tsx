import { Alert, Box, Card, CardContent, Typography } from '@mui/material';
import { Link, Title } from 'react-admin';
import { useLocation } from 'react-router-dom';
import { placeOf } from '../entities';
import { useAnswer } from '../use-answer';
import { State } from '../value';

interface Found {
  results: {
    context: string;
    entity: string;
    id: string;
    title: string;
    state: string | null;
    waiting_for: string | null;
    link: string;
  }[];
  unanswered: string[];
}

/** Whatever an id belongs to, and why it is not done yet. */
export default function SearchPage() {
  const q = new URLSearchParams(useLocation().search).get('q') ?? '';
  const { data, problem } = useAnswer<Found>('search', { query: { q } });
  return (
    <Box sx={{ mt: 2 }}>
      <Title title="Search" />
      <Typography variant="h5" component="h2" gutterBottom sx={{ overflowWrap: 'anywhere' }}>
        {q}
      </Typography>
      {problem && <Alert severity="error">{problem}</Alert>}
      {data && !data.results.length && (
        <Typography role="status">Nothing has this id, as far as you may see.</Typography>
      )}
      {data?.results.map(({ context, entity, id, title, state, waiting_for, link }) => (
        <Card key={`${context} ${entity} ${id}`} sx={{ mb: 2 }}>
          <CardContent>
            <Typography variant="h6" component="h3" sx={{ overflowWrap: 'anywhere' }}>
              <Link to={placeOf(link) ?? '/'}>{title}</Link>
            </Typography>
            <Typography variant="body2" color="text.secondary">
              {`${entity}, ${context}`} {state && <State text={state} />}
            </Typography>
            {waiting_for && (
              <Alert severity="info" sx={{ mt: 1 }}>
                {`Not done yet: ${waiting_for}`}
              </Alert>
            )}
          </CardContent>
        </Card>
      ))}
      {data && data.unanswered.length > 0 && (
        <Alert severity="warning">{`Could not be asked: ${data.unanswered.join(', ')}`}</Alert>
      )}
    </Box>
  );
}
