import { Alert, Box, Button, Card, Link, Typography } from '@mui/material';
import { useEffect, useState } from 'react';
import { LoginForm } from 'react-admin';
import { BASE } from './api';
import { ISSUER, leave } from './outside';
import { arrivalFailure } from './session';

/** The way in by the outside issuer, where there is one. */
function OutsideLogin() {
  const [problem, setProblem] = useState<string>();
  useEffect(() => void arrivalFailure().then(setProblem), []);
  const issuer = ISSUER;
  if (!issuer) return null;
  const begin = () => leave(issuer).catch((error: Error) => setProblem(error.message));
  return (
    <Box sx={{ px: 2, pb: 2 }}>
      <Button variant="outlined" fullWidth onClick={begin}>
        {`Log in by ${new URL(issuer.issuer).host}`}
      </Button>
      {problem && (
        <Alert severity="error" sx={{ mt: 1 }}>
          {problem}
        </Alert>
      )}
    </Box>
  );
}

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
      <OutsideLogin />
      <Typography variant="body2" sx={{ px: 2, pb: 1 }}>
        <Link href={`${BASE}/docs/overview/`}>API documentation</Link>
      </Typography>
    </Card>
  </Box>
);
