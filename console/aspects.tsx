import { Alert, Box, Typography } from '@mui/material';
import { lazy, Suspense } from 'react';
import type { OperationName } from '../client/operations';
import { operations } from './api';
import { AspectList } from './aspect-list';
import type { Entity } from './entities';
import { fieldsOf, inWords } from './schema';
import { useAnswer, useParams } from './use-answer';
import { Fields, State, Time } from './value';

const LIVE_MS = 3_000;

export interface AspectProps {
  name: OperationName;
  params: Record<string, string>;
  entity: Entity;
}

function Timeline({ name, params }: AspectProps) {
  const { data } = useAnswer<{
    waiting_for: string | null;
    status: string;
    events: { at: string; event: string; text: string }[];
  }>(name, params, LIVE_MS);
  if (!data) return null;
  return (
    <>
      <Alert severity={data.waiting_for ? 'info' : 'success'} sx={{ mb: 1 }}>
        {data.waiting_for ? `Not done yet: ${data.waiting_for}` : <State text={data.status} />}
      </Alert>
      <Box component="ol" sx={{ listStyle: 'none', p: 0, m: 0, borderLeft: 2, borderColor: 'divider' }}>
        {data.events.map(({ at, event, text }) => (
          <Box component="li" key={`${at} ${event} ${text}`} sx={{ pl: 2, py: 0.5 }}>
            <Typography variant="body2">{text}</Typography>
            <Typography variant="caption" color="text.secondary">
              <Time at={at} /> · {inWords(event).toLowerCase()}
            </Typography>
          </Box>
        ))}
      </Box>
    </>
  );
}

function AspectFields({ name, params, entity }: AspectProps) {
  const { data, problem } = useAnswer(name, params, LIVE_MS * 2);
  if (!data) return <Typography variant="body2">{problem ?? ''}</Typography>;
  return <Fields fields={fieldsOf(operations[name].returns)} of={data} entity={entity} />;
}

const charts = () => import('./charts');
const Prices = lazy(async () => ({ default: (await charts()).Prices }));
const PlaceSums = lazy(async () => ({ default: (await charts()).PlaceSums }));
const MailingProgress = lazy(async () => ({ default: (await charts()).MailingProgress }));

/** Reads that people would rather look at than read. */
const SPECIAL: Partial<Record<OperationName, React.ComponentType<AspectProps>>> = {
  getTimeline: Timeline,
  getPrices: Prices,
  getPlaceAnalytics: PlaceSums,
  getMailingStats: MailingProgress,
};

/** One of the reads that belong to a thing, as a part of its page. */
export function Aspect({ name, entity }: { name: OperationName; entity: Entity }) {
  const params = useParams(entity.id);
  const items = operations[name].returns?.properties?.['results']?.items;
  const Shown = SPECIAL[name];
  const props = { name, params, entity };
  return (
    <Box component="section" sx={{ mt: 3 }}>
      <Typography variant="h6" component="h3" gutterBottom>
        {inWords(name.replace(/^(get|list)/, ''))}
      </Typography>
      <Suspense>
        {Shown ? <Shown {...props} /> : items ? <AspectList {...props} /> : <AspectFields {...props} />}
      </Suspense>
    </Box>
  );
}
