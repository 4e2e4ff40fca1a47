import { Alert, Button, Dialog, DialogActions, DialogContent, DialogContentText, DialogTitle } from '@mui/material';
import { useState } from 'react';
import { Form, useListContext, useRefresh } from 'react-admin';
import type { OperationName } from '../client/operations';
import { call, operations } from './api';
import { bodyOf, type Values } from './body';
import { InputFor } from './input';
import { fieldsOf, inWords } from './schema';
import { useDeed } from './use-deed';

/** Whether an operation is done a piece at a time, and can first say how many things it would concern. */
export const isInPieces = (name: OperationName): boolean => {
  const taken = operations[name].body?.properties ?? {};
  return 'dry_run' in taken && 'cursor' in taken;
};

interface Report {
  concerned?: number;
  put_back?: number;
  exact?: boolean;
  ids?: string[];
  refused?: { id: string; reason: string }[];
  cursor: string | null;
}

const countOf = ({ concerned, ids }: Report): number => concerned ?? ids?.length ?? 0;

/** All pieces of an operation, one after the other; none is begun any more when it was called off. */
async function inPieces(
  name: OperationName,
  body: Values,
  signal: AbortSignal,
  onPiece: (piece: Report) => void,
): Promise<void> {
  let cursor: string | null = null;
  do {
    const piece = (await call(name)({ body: { ...body, ...(cursor && { cursor }) } })) as unknown as Report;
    onPiece(piece);
    cursor = piece.cursor;
  } while (cursor !== null && !signal.aborted);
}

function PiecesDialog({ name, initial, onClose }: { name: OperationName; initial: Values; onClose: () => void }) {
  const { summary, body } = operations[name];
  const fields = fieldsOf(body).filter((field) => !['dry_run', 'cursor', 'limit'].includes(field.name));
  const [checked, setChecked] = useState<{ values: Values; count: number; exact: boolean }>();
  const [progress, setProgress] = useState<{ done: number; refused: string[]; over: boolean }>();
  const { busy, problem, run } = useDeed();
  const refresh = useRefresh();
  const check = (form: Values) =>
    run(async (signal) => {
      const values = bodyOf(fields, form);
      let count = 0;
      let exact = true;
      await inPieces(name, { ...values, dry_run: true }, signal, (piece) => {
        count += countOf(piece);
        exact &&= piece.exact !== false;
      });
      setChecked({ values, count, exact });
    });
  const goAhead = () =>
    run(async (signal) => {
      let done = 0;
      const refused: string[] = [];
      await inPieces(name, { ...checked?.values, dry_run: false }, signal, (piece) => {
        done += piece.put_back ?? countOf(piece);
        refused.push(...(piece.refused ?? []).map(({ id, reason }) => `${id}: ${reason}`));
        setProgress({ done, refused, over: piece.cursor === null });
      });
      refresh();
    });
  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="sm" aria-labelledby="pieces">
      <DialogTitle id="pieces">{summary}</DialogTitle>
      <Form onSubmit={check} record={initial} sanitizeEmptyValues>
        <DialogContent>
          {!checked && fields.map((field) => <InputFor key={field.name} field={field} />)}
          {checked && !progress && (
            <DialogContentText role="status">
              {`${checked.count.toLocaleString()}${checked.exact ? '' : ' or more'} would be concerned. Nothing has been changed yet.`}
            </DialogContentText>
          )}
          {progress && (
            <DialogContentText role="status">
              {`${progress.done.toLocaleString()} of ${checked?.count.toLocaleString()} done${progress.over ? '.' : ' …'}`}
            </DialogContentText>
          )}
          {progress?.refused.map((text) => (
            <Alert key={text} severity="warning" sx={{ mt: 1 }}>
              {text}
            </Alert>
          ))}
          {problem && <Alert severity="error">{problem}</Alert>}
        </DialogContent>
        <DialogActions>
          <Button onClick={onClose}>{progress ? (busy ? 'Stop' : 'Close') : 'Cancel'}</Button>
          {!checked && (
            <Button type="submit" variant="contained" disabled={busy}>
              Dry run
            </Button>
          )}
          {checked && !progress && (
            <Button onClick={goAhead} variant="contained" disabled={busy || checked.count === 0}>
              {`${inWords(name)} (${checked.count})`}
            </Button>
          )}
        </DialogActions>
      </Form>
    </Dialog>
  );
}

/** A button for what is done to all things of a filter: first a dry run with their number, then piece by piece. */
export function PiecesButton({ name }: { name: OperationName }) {
  const [open, setOpen] = useState(false);
  const { filterValues } = useListContext();
  const nests = 'filter' in (operations[name].body?.properties ?? {});
  return (
    <>
      <Button size="small" onClick={() => setOpen(true)}>
        {inWords(name)}
      </Button>
      {open && (
        <PiecesDialog
          name={name}
          initial={nests ? { filter: filterValues ?? {} } : { ...filterValues }}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}
