import { Box, Button, Card, CardContent, Typography } from '@mui/material';
import { type ReactNode, useState } from 'react';
import { Title, useGetIdentity } from 'react-admin';
import { OperationButton } from '../actions';
import { may, operations } from '../api';
import { fieldsOf } from '../schema';
import { logIn } from '../session';
import { useAnswer } from '../use-answer';
import { Fields } from '../value';

const Part = ({ title, children }: { title: string; children: ReactNode }) => (
  <Card sx={{ mt: 2 }}>
    <CardContent>
      <Typography variant="h6" component="h2" gutterBottom>
        {title}
      </Typography>
      {children}
    </CardContent>
  </Card>
);

function Me() {
  const { data, problem, reload } = useAnswer('getMe');
  const { identity } = useGetIdentity();
  // it ends all sessions, this one too
  const logInAgain = ({ new_password }: Record<string, unknown>) =>
    logIn(String(data?.['username'] ?? identity?.fullName), String(new_password));
  return (
    <Part title="Your account">
      {problem && <Typography color="error">{problem}</Typography>}
      {data && (
        <>
          <Fields fields={fieldsOf(operations.getMe.returns)} of={data} />
          <OperationButton name="changeMe" initial={data} onDone={reload} />
          <OperationButton name="changePassword" onDone={logInAgain} />
        </>
      )}
    </Part>
  );
}

function Secret() {
  const { data, problem, reload } = useAnswer('getWebhookSecret');
  return (
    <>
      {problem && <Typography color="error">{problem}</Typography>}
      {data && <Fields fields={fieldsOf(operations.getWebhookSecret.returns)} of={data} />}
      <OperationButton name="rotateWebhookSecret" onDone={reload} />
    </>
  );
}

function WebhookSecret() {
  const [shown, setShown] = useState(false);
  return (
    <Part title="Your webhook secret">{shown ? <Secret /> : <Button onClick={() => setShown(true)}>Show</Button>}</Part>
  );
}

/** What users do to their own account. */
export default function AccountPage() {
  return (
    <Box>
      <Title title="Your account" />
      <Me />
      {may('getWebhookSecret') && <WebhookSecret />}
    </Box>
  );
}
