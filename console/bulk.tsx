import {
  Alert,
  Button,
  Dialog,
  DialogActions,
  DialogContent,
  DialogContentText,
  DialogTitle,
  MenuItem,
  TextField,
} from '@mui/material';
import { useState } from 'react';
import { useListContext, useRefresh } from 'react-admin';
import { ENTITIES as BULK } from '../lambdas/bulk/actions';
import { api, may } from './api';
import type { Entity } from './entities';
import { inWords } from './schema';
import { useDeed } from './use-deed';

/** What the API calls an entity in bulk actions, and what can be done to many of it. */
const bulkOf = ({ path }: Entity): { name: string; actions: string[] } | undefined => {
  const found = Object.entries(BULK).find(([, { list }]) => list === path);
  return found && { name: found[0], actions: Object.keys(found[1].actions) };
};

/** Whether anything can be done to many of an entity by this user. */
export const hasBulk = (entity: Entity): boolean => may('startBulkAction') && bulkOf(entity) !== undefined;

interface Progress {
  status: string;
  number: number;
  more: boolean;
  done: number;
  refused: number;
  refusals?: { id: string; reason: string }[];
}

const LOOK_MS = 500;
const pause = () => new Promise((resolve) => setTimeout(resolve, LOOK_MS));

interface Concerned {
  ids?: string[];
  filter?: Record<string, string>;
}

function BulkDialog({ entity, concerned, onClose }: { entity: Entity; concerned: Concerned; onClose: () => void }) {
  const { name = '', actions = [] } = bulkOf(entity) ?? {};
  const [action, setAction] = useState(actions[0] ?? '');
  const [progress, setProgress] = useState<Progress>();
  const { busy, problem, run } = useDeed();
  const refresh = useRefresh();
  const start = (dry_run: boolean) =>
    run(async (signal) => {
      const begun = await api.startBulkAction({ body: { entity: name as never, action, ...concerned, dry_run } });
      setProgress(begun);
      for (let now = begun.status; begun.id && now === 'running' && !signal.aborted; ) {
        await pause();
        const state = await api.getBulkAction({ id: begun.id }, { signal });
        setProgress(state);
        now = state.status;
      }
      if (!dry_run) refresh();
    });
  const isChecked = progress?.status === 'dry_run';
  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="sm" aria-labelledby="bulk">
      <DialogTitle id="bulk">
        {concerned.ids
          ? `Do something to ${concerned.ids.length} of ${entity.label}`
          : `Do something to all of this filter`}
      </DialogTitle>
      <DialogContent>
        <TextField
          select
          label="Action"
          value={action}
          disabled={busy || progress !== undefined}
          onChange={(event) => setAction(event.target.value)}
        >
          {actions.map((one) => (
            <MenuItem key={one} value={one}>
              {inWords(one)}
            </MenuItem>
          ))}
        </TextField>
        {progress && (
          <DialogContentText role="status" sx={{ mt: 1 }}>
            {isChecked
              ? `${progress.number.toLocaleString()}${progress.more ? ' or more' : ''} would be concerned. Nothing has been changed yet.`
              : `${progress.done} of ${progress.number} done, ${progress.refused} refused${progress.status === 'finished' ? '.' : ' …'}`}
          </DialogContentText>
        )}
        {progress?.refusals?.slice(0, 10).map(({ id, reason }) => (
          <Alert key={id} severity="warning" sx={{ mt: 1, overflowWrap: 'anywhere' }}>
            {`${id}: ${reason}`}
          </Alert>
        ))}
        {problem && <Alert severity="error">{problem}</Alert>}
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{progress && !isChecked ? 'Close' : 'Cancel'}</Button>
        {!progress && (
          <Button variant="contained" disabled={busy} onClick={() => start(true)}>
            Dry run
          </Button>
        )}
        {isChecked && (
          <Button variant="contained" disabled={busy || !progress.number} onClick={() => start(false)}>
            {`${inWords(action)} (${progress.number})`}
          </Button>
        )}
      </DialogActions>
    </Dialog>
  );
}

/** A button for what is done to many: to those selected, or to all that the list's filter finds. */
export function BulkButton({ entity, selected = false }: { entity: Entity; selected?: boolean }) {
  const [concerned, setConcerned] = useState<Concerned>();
  const { selectedIds = [], filterValues = {} } = useListContext();
  const open = () => setConcerned(selected ? { ids: selectedIds.map(String) } : { filter: filterValues });
  return (
    <>
      <Button size="small" onClick={open}>
        {selected ? 'Bulk action' : 'Bulk by filter'}
      </Button>
      {concerned && <BulkDialog entity={entity} concerned={concerned} onClose={() => setConcerned(undefined)} />}
    </>
  );
}
