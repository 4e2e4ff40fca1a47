import { Alert, Button, Dialog, DialogActions, DialogContent, DialogContentText, DialogTitle } from '@mui/material';
import { useState } from 'react';
import { Form, Link, useNotify, useRefresh } from 'react-admin';
import type { OperationName } from '../client/operations';
import { MercatoProblem } from '../client/problem';
import { call, operations } from './api';
import { changesOf, formErrors } from './body';
import { ENTITIES, placeOf } from './entities';
import { InputFor } from './input';
import { reasonOf } from './problem';
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
  const fields = fieldsOf(consumes ? TEXT : body);
  // what is read again meanwhile takes nothing away that was typed
  const [record] = useState(initial ?? {});
  const [answer, setAnswer] = useState<Record<string, unknown>>();
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);
  const refresh = useRefresh();
  const notify = useNotify();
  const run = async (values: Record<string, unknown>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      const input = {
        ...params,
        ...(body && { body: changesOf(fields, values, record) }),
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
      const errors = error instanceof MercatoProblem ? error.errors : [];
      const { root, ...ofInputs } = formErrors(fields, errors);
      setProblem(root?.serverError ?? reasonOf(error));
      return ofInputs;
    } finally {
      setBusy(false);
    }
  };
  const id = answer?.[ENTITIES.find((one) => one.path === path)?.id ?? 'id'];
  const made = id && !path.includes('{') ? placeOf(`${path}${id}/`) : undefined;
  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="sm" aria-labelledby="operation">
      <DialogTitle id="operation">{summary}</DialogTitle>
      <Form onSubmit={run} record={record} sanitizeEmptyValues>
        <DialogContent>
          {description && <DialogContentText sx={{ mb: 2 }}>{description}</DialogContentText>}
          {answer ? (
            <Fields fields={fieldsOf(returns)} of={answer} />
          ) : (
            fields.map((field) => <InputFor key={field.name} field={field} />)
          )}
          {problem && <Alert severity="error">{problem}</Alert>}
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
