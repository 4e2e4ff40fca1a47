import { Box, Card, CardContent, Typography } from '@mui/material';
import { Title } from 'react-admin';
import { Navigate, useLocation } from 'react-router-dom';
import { operations } from '../api';
import { AspectList } from '../aspect-list';
import { fieldsOf } from '../schema';
import { useAnswer } from '../use-answer';
import { Fields } from '../value';

const LIVE_MS = 3_000;

/** How far an import of clients has come, and what became of each of its lines. */
function Import({ id }: { id: string }) {
  const { data, problem } = useAnswer('getClientImport', { id }, LIVE_MS);
  return (
    <Card sx={{ mt: 2 }}>
      <Title title="Import of clients" />
      <CardContent>
        {problem && <Typography color="error">{problem}</Typography>}
        {data && <Fields fields={fieldsOf(operations.getClientImport.returns)} of={data} />}
        <Box component="section" sx={{ mt: 3 }}>
          <Typography variant="h6" component="h2" gutterBottom>
            Lines
          </Typography>
          <AspectList name="listImportLines" params={{ id }} />
        </Box>
      </CardContent>
    </Card>
  );
}

/** The import that the address names; without one there is nothing to look at but the clients. */
export default function ImportPage() {
  const id = new URLSearchParams(useLocation().search).get('id');
  return id ? <Import id={id} /> : <Navigate to="/clients" replace />;
}
