import { Box, Button, Card, CardContent, Typography } from '@mui/material';
import {
  DeleteWithConfirmButton,
  EditButton,
  type HttpError,
  Link,
  ListButton,
  Show,
  TopToolbar,
  useNotify,
  useRecordContext,
  useRedirect,
  useUpdate,
} from 'react-admin';
import type { OperationName } from '../client/operations';
import { OperationButton } from './actions';
import { may, operations } from './api';
import { Aspect } from './aspects';
import { asGiven } from './data-provider';
import { type Entity, relatedTo } from './entities';
import { AuditedChange, History } from './history';
import { fieldsOf } from './schema';
import { useParams } from './use-answer';
import { Fields } from './value';

/** When an action makes sense; the API says so in any case. */
const WHEN: Record<string, (record: Record<string, unknown>) => boolean> = {
  // one that is begun may have lost its worker
  retryTask: ({ state }) => state === 'FAILURE' || state === 'REVOKED' || state === 'STARTED',
  revokeTask: ({ state }) => state === 'PENDING' || state === 'RETRY',
  pauseMailing: ({ status }) => status === 'running' || status === 'scheduled',
  resumeMailing: ({ status }) => status === 'paused',
  cancelMailing: ({ status }) => status !== 'finished' && status !== 'cancelled',
  // it keeps the others as they were switched, and runs by its rule alone
  runSchedule: ({ fixed }) => fixed !== true,
  changeSchedule: ({ fixed }) => fixed !== true,
  putBackDeadLetter: ({ can_put_back }) => can_put_back === true,
  changeDeadLetter: ({ can_edit }) => can_edit === true,
  discardDeadLetter: ({ can_discard }) => can_discard === true,
  setFaults: ({ faults }) => Boolean(faults),
  retryMessages: ({ status }) => status === 'running' || status === 'paused',
};

/** A thing with nothing to change but one switch has the switch itself. */
function ChangeButton({ entity, name }: { entity: Entity; name: OperationName }) {
  const record = useRecordContext();
  const [update, { isPending }] = useUpdate();
  const [only, ...others] = fieldsOf(operations[name].body);
  if (!record || only?.kind !== 'boolean' || others.length) return <EditButton />;
  const data = { [only.name]: !record[only.name] };
  const change = { id: record.id, data, previousData: record };
  return (
    <Button
      size="small"
      disabled={isPending}
      onClick={() => update(entity.name, change, { mutationMode: 'pessimistic' })}
    >
      {record[only.name] ? 'Switch off' : 'Switch on'}
    </Button>
  );
}

function Actions({ entity }: { entity: Entity }) {
  const record = useRecordContext();
  const params = useParams(entity.id);
  if (!record) return <TopToolbar />;
  const { remove, change, actions, label, loss } = entity;
  const meaning =
    remove && [operations[remove].summary, operations[remove].description, loss].filter(Boolean).join('. ');
  return (
    <TopToolbar sx={{ flexWrap: 'wrap' }}>
      {actions
        .filter((name) => may(name) && (WHEN[name]?.(record) ?? true))
        .map((name) => (
          <OperationButton key={name} name={name} params={params} initial={record} />
        ))}
      {relatedTo(entity).map(({ entity: other, filter }) => (
        <Button
          key={other.name}
          size="small"
          component={Link}
          to={`/${other.name}?filter=${encodeURIComponent(JSON.stringify({ [filter]: record.id }))}`}
        >
          {other.label}
        </Button>
      ))}
      {may(change) && (WHEN[change]?.(record) ?? true) && <ChangeButton entity={entity} name={change} />}
      {may(remove) && (WHEN[remove]?.(record) ?? true) && (
        <DeleteWithConfirmButton
          mutationMode="pessimistic"
          confirmTitle={`Delete from ${label}?`}
          confirmContent={meaning}
        />
      )}
      <ListButton label={label} />
    </TopToolbar>
  );
}

function Whole({ entity }: { entity: Entity }) {
  const record = useRecordContext();
  if (!record) return null;
  const fields = entity.get ? fieldsOf(operations[entity.get].returns) : entity.fields;
  return (
    <CardContent>
      <Typography variant="h5" component="h2" gutterBottom sx={{ overflowWrap: 'anywhere' }}>
        {String(record[entity.title] ?? record.id)}
      </Typography>
      <Fields fields={fields} of={asGiven(record)} entity={entity} />
      {entity.aspects.filter(may).map((name) => (
        <Aspect key={name} name={name} entity={entity} />
      ))}
      {entity.name === 'audit' && <AuditedChange />}
      {entity.told && may('listAuditEntries') && <History entity={entity} />}
    </CardContent>
  );
}

const LIVE_MS = 3_000;
const RETRIES = 3;

/** Answers that say that there is no such thing. */
const GONE = [404, 410, 422];

/** The page of one thing: its fields with links, what else is read of it, and all that can be done with it. */
export function EntityShow({ entity }: { entity: Entity }) {
  const notify = useNotify();
  const redirect = useRedirect();
  const isGone = (error: unknown): boolean => GONE.includes((error as Partial<HttpError>).status ?? 0);
  const queryOptions = {
    ...(entity.live && { refetchInterval: LIVE_MS }),
    // what was read stays while there is no answer
    retry: (failures: number, error: unknown) => failures < RETRIES && !isGone(error),
    onError: (error: unknown) => {
      if (!isGone(error)) return;
      notify('ra.notification.item_doesnt_exist', { type: 'error' });
      redirect('list', entity.name);
    },
  };
  return (
    <Show
      title={entity.label}
      component={Card}
      sx={{ '& .RaShow-card': { minWidth: 0 } }}
      actions={<Actions entity={entity} />}
      queryOptions={queryOptions}
    >
      <Box sx={{ minWidth: 0 }}>
        <Whole entity={entity} />
      </Box>
    </Show>
  );
}
