import { Box, Card, Link, Typography } from '@mui/material';
import { LoginForm } from 'react-admin';
import { BASE } from './api';

/** Where those arrive who are not logged in. */
export const LoginPage = () => (
  <Box
    component="main"
    sx={{ minHeight: '100vh', display: 'grid', placeItems: 'center', p: 2, bgcolor: 'background.default' }}
  >
    <Card sx={{ width: '100%', maxWidth: 360, p: 2 }}>
      <Typography variant="h5" component="h1" sx={{ px: 2, pt: 1 }}>
        Mercato
      </Typography>
      <LoginForm />
      <Typography variant="body2" sx={{ px: 2, pb: 1 }}>
        <Link href={`${BASE}/docs/overview/`}>API documentation</Link>
      </Typography>
    </Card>
  </Box>
);
