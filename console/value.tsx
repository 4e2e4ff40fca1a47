import { Box, Table, TableBody, TableCell, TableHead, TableRow, Typography } from '@mui/material';
import type { MouseEvent, ReactNode } from 'react';
import { Link } from 'react-admin';
import type { Entity } from './entities';
import { linked, placeOf, toldAs } from './entities';
import { type Field, fieldsOf, inWords, itemFields } from './schema';

const GOOD = /^(confirmed|success|succeeded|sent|delivered|active|registered|done|finished|ok|on)$/i;
const BAD = /^(failure|failed|error|exhausted|disabled|expired|cancelled|revoked|incomplete|down)$/i;
const BUSY = /^(started|running|retry|registering|processing|pending|queued|scheduled|paused)$/i;

const toneOf = (text: string): string | undefined => {
  if (GOOD.test(text)) return 'success.main';
  if (BAD.test(text)) return 'error.main';
  return BUSY.test(text) ? 'warning.main' : undefined;
};

/** One of a few words, with a dot whose colour says whether it is well. */
export const State = ({ text }: { text: string }) => (
  <Box component="span" sx={{ display: 'inline-flex', alignItems: 'center', gap: 0.75, whiteSpace: 'nowrap' }}>
    {toneOf(text) && <Box component="span" sx={{ width: 8, height: 8, borderRadius: 4, bgcolor: toneOf(text) }} />}
    {text}
  </Box>
);

const SHORT: Intl.DateTimeFormatOptions = { dateStyle: 'short', timeStyle: 'medium' };
const LONG: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'long' };

/** A time by the clock of whoever looks; UTC is in its title. */
export const Time = ({ at, brief }: { at: string; brief?: boolean }) => (
  <time dateTime={at} title={at} style={brief ? { whiteSpace: 'nowrap' } : undefined}>
    {new Intl.DateTimeFormat(undefined, brief ? SHORT : LONG).format(new Date(at))}
  </time>
);

const LONG_ID = /^[\w-]{24,}$/;
const shortened = (text: string): string => (LONG_ID.test(text) ? `${text.slice(0, 8)}…${text.slice(-4)}` : text);

const code = { fontFamily: 'monospace', fontSize: '0.8125rem', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', m: 0 };

/** Whatever has no shape of its own, as JSON. */
export const Json = ({ value }: { value: unknown }) => (
  <Box component="pre" sx={code}>
    {typeof value === 'string' ? value : JSON.stringify(value, null, 2)}
  </Box>
);

interface ValueProps {
  field: Field;
  value: unknown;
  /** As it fits in a row of a list. */
  brief?: boolean;
  /** Without links: it stands in one. */
  plain?: boolean;
  entity?: Entity;
  /** What it is a field of, where that says what it names. */
  of?: Record<string, unknown>;
}

const isText = (value: unknown): value is string => typeof value === 'string';

const cut = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

function BriefObject({ value }: { value: unknown }) {
  if (typeof value !== 'object' || value === null) return <span title={String(value)}>{cut(String(value))}</span>;
  if ('name' in value && typeof value.name === 'string') return <span title={JSON.stringify(value)}>{value.name}</span>;
  const text = Object.entries(value)
    .map(([name, one]) => `${inWords(name).toLowerCase()}: ${Array.isArray(one) ? one.join(', ') : String(one)}`)
    .join(' · ');
  return <span title={text}>{cut(text)}</span>;
}

/** The fields of a thing, one below the other. */
export const Fields = ({ fields, of, entity }: { fields: Field[]; of: Record<string, unknown>; entity?: Entity }) => (
  <Box
    component="dl"
    sx={{
      display: 'grid',
      gridTemplateColumns: { xs: 'minmax(6rem, 35%) 1fr', sm: 'minmax(9rem, 15rem) 1fr' },
      gap: 0.5,
      m: 0,
    }}
  >
    {fields.map((field) => (
      <Box key={field.name} sx={{ display: 'contents' }}>
        <Typography component="dt" variant="body2" color="text.secondary" title={field.schema.description}>
          {inWords(field.name)}
        </Typography>
        <Typography component="dd" variant="body2" sx={{ m: 0, minWidth: 0, overflowWrap: 'anywhere' }}>
          <Value field={field} value={of[field.name]} entity={entity} of={of} />
        </Typography>
      </Box>
    ))}
  </Box>
);

/** Things of one kind as a small table. */
export const Rows = ({
  fields,
  rows,
  entity,
}: {
  fields: Field[];
  rows: Record<string, unknown>[];
  entity?: Entity;
}) => (
  <Box sx={{ overflowX: 'auto', overflowWrap: 'normal' }} tabIndex={0} role="group" aria-label="Rows">
    <Table size="small">
      <TableHead>
        <TableRow>
          {fields.map(({ name, schema }) => (
            <TableCell key={name} title={schema.description}>
              {inWords(name)}
            </TableCell>
          ))}
        </TableRow>
      </TableHead>
      <TableBody>
        {rows.map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: these rows have no names and never move
          <TableRow key={index}>
            {fields.map((field) => (
              <TableCell key={field.name}>
                <Value field={field} value={row[field.name]} entity={entity} of={row} brief />
              </TableCell>
            ))}
          </TableRow>
        ))}
      </TableBody>
    </Table>
  </Box>
);

/** The page of one thing of an entity. */
export const pageOf = (entity: Entity, id: string): string => `/${entity.name}/${encodeURIComponent(id)}/show`;

/** A link that is followed also where the row around it leads somewhere. */
export const RowLink = ({ to, title, children }: { to: string; title?: string; children: ReactNode }) => (
  <Link to={to} title={title} onClick={(event: MouseEvent) => event.stopPropagation()}>
    {children}
  </Link>
);

/** Where a text leads that names a thing, or the API's path of one. */
function placeIn({ field: { name }, entity, of }: ValueProps, text: string): string | undefined {
  if (text.startsWith('/api/')) return placeOf(text);
  const target = linked(entity, name) ?? (name === 'entity_id' ? toldAs(of?.['entity']) : undefined);
  return target && pageOf(target, text);
}

/** A value as its schema says it is. */
export function Value(props: ValueProps) {
  const { field, value, brief, plain, entity } = props;
  const { schema, kind } = field;
  if (value === null || value === undefined || value === '') return <span>–</span>;
  const place = isText(value) && !plain && placeIn(props, value);
  if (place) {
    return (
      <RowLink to={place} title={value}>
        {brief ? shortened(value) : value}
      </RowLink>
    );
  }
  switch (kind) {
    case 'boolean':
      return value ? 'yes' : 'no';
    case 'choice':
      return <State text={String(value)} />;
    case 'date':
      return <Time at={String(value)} brief={brief} />;
    case 'number':
      return Number(value).toLocaleString();
    case 'choices':
    case 'texts':
      return Array.isArray(value) ? value.join(', ') || '–' : String(value);
    case 'objects':
      if (brief) return (value as unknown[]).length;
      return (value as unknown[]).length ? (
        <Rows fields={itemFields(schema)} rows={value as never} entity={entity} />
      ) : (
        'none'
      );
    case 'object':
      return brief ? <BriefObject value={value} /> : <Fields fields={fieldsOf(schema)} of={value as never} />;
    case 'map':
    case 'json':
      return brief ? <BriefObject value={value} /> : <Json value={value} />;
    default:
      if (brief) return <span title={String(value)}>{shortened(String(value)).slice(0, 80)}</span>;
      return <span style={{ whiteSpace: 'pre-wrap' }}>{String(value)}</span>;
  }
}
