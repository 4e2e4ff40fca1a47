import { Button, Dialog, DialogActions, DialogContent, DialogContentText, DialogTitle } from '@mui/material';
import { useState } from 'react';
import { Form, Link, useNotify, useRefresh } from 'react-admin';
import type { OperationName } from '../client/operations';
import { MercatoProblem } from '../client/problem';
import { call, operations } from './api';
import { bodyFor } from './data-provider';
import { placeOf } from './entities';
import { InputFor } from './input';
import { fieldsOf, inWords, type Schema } from './schema';
import { Fields } from './value';

/** A body that is one text, like CSV. */
const TEXT: Schema = {
  type: 'object',
  properties: { text: { type: 'string', maxLength: 4_200_000 } },
  required: ['text'],
};

interface OperationDialogProps {
  name: OperationName;
  /** The parameters of its path. */
  params?: Record<string, string>;
  initial?: Record<string, unknown>;
  /** What follows when it was done, instead of its answer on the screen. */
  onDone?: (values: Record<string, unknown>) => Promise<void> | void;
  onClose: () => void;
}

function OperationDialog({ name, params, initial, onDone, onClose }: OperationDialogProps) {
  const { summary, description, path, body, consumes, returns } = operations[name];
  const [answer, setAnswer] = useState<Record<string, unknown>>();
  const [busy, setBusy] = useState(false);
  const refresh = useRefresh();
  const notify = useNotify();
  const run = async (values: Record<string, unknown>) => {
    setBusy(true);
    try {
      const input = {
        ...params,
        ...(body && { body: bodyFor(name, values) }),
        ...(consumes && { body: values['text'] }),
      };
      const result = await call(name)(input);
      refresh();
      if ((body || consumes) && !onDone) setAnswer(result ?? {});
      else {
        await onDone?.(values);
        notify('Done', { type: 'success' });
        onClose();
      }
    } catch (error) {
      if (!(error instanceof MercatoProblem)) throw error;
      notify(error.detail, { type: 'error' });
      return Object.fromEntries(error.errors.map(({ path, message }) => [path, message]));
    } finally {
      setBusy(false);
    }
  };
  const made = answer?.['id'] && !path.includes('{') ? placeOf(`${path}${answer['id']}/`) : undefined;
  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="sm" aria-labelledby="operation">
      <DialogTitle id="operation">{summary}</DialogTitle>
      <Form onSubmit={run} record={initial ?? {}} sanitizeEmptyValues>
        <DialogContent>
          {description && <DialogContentText sx={{ mb: 2 }}>{description}</DialogContentText>}
          {answer ? (
            <Fields fields={fieldsOf(returns)} of={answer} />
          ) : (
            fieldsOf(consumes ? TEXT : body).map((field) => <InputFor key={field.name} field={field} />)
          )}
        </DialogContent>
        <DialogActions>
          {made && (
            <Button component={Link} to={made} onClick={onClose}>
              Look at it
            </Button>
          )}
          <Button onClick={onClose}>{answer ? 'Close' : 'Cancel'}</Button>
          {!answer && (
            <Button type="submit" variant="contained" disabled={busy}>
              {inWords(name)}
            </Button>
          )}
        </DialogActions>
      </Form>
    </Dialog>
  );
}

/** A button for anything that the API does, with a dialog that says what it means and asks for what it needs. */
export function OperationButton({ name, ...props }: Omit<OperationDialogProps, 'onClose'>) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button size="small" onClick={() => setOpen(true)}>
        {inWords(name)}
      </Button>
      {open && <OperationDialog name={name} {...props} onClose={() => setOpen(false)} />}
    </>
  );
}
