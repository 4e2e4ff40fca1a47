import { type Theme, useMediaQuery } from '@mui/material';
import type { ReactNode } from 'react';
import {
  ColumnsButton,
  CreateButton,
  DateTimeInput,
  defaultExporter,
  ExportButton,
  type Exporter,
  FilterButton,
  List,
  type RaRecord,
  SelectInput,
  SimpleList,
  TextInput,
  TopToolbar,
  useNotify,
} from 'react-admin';
import type { OperationName } from '../client/operations';
import { OperationButton } from './actions';
import { may, operations } from './api';
import { BulkButton, hasBulk } from './bulk';
import { defused } from './csv';
import { asGiven } from './data-provider';
import type { Entity } from './entities';
import { isoOf } from './input';
import { Pages } from './list-pages';
import { isInPieces, PiecesButton } from './pieces';
import { fieldsOf, inWords } from './schema';
import { Rows } from './table';
import { Value } from './value';

/** As many rows as are exported at most. */
const MOST_EXPORTED = 10_000;
/** Reads again so often what changes by itself, while the page is looked at. */
const LIVE_MS = 5_000;
/** So many filters are shown at once, further ones can be added. */
const FILTERS_SHOWN = 3;

/** Exports texts as texts, and says so when there may be more. */
function useExporter(): Exporter {
  const notify = useNotify();
  return (records, ...others) => {
    if (records.length >= MOST_EXPORTED) {
      const message = `These are the first ${MOST_EXPORTED.toLocaleString()}; the others can be found by the filters.`;
      notify(message, { type: 'warning', autoHideDuration: 15_000 });
    }
    return defaultExporter(records.map((record) => defused(asGiven(record))) as RaRecord[], ...others);
  };
}

const named = (values: string[]) => values.map((id) => ({ id, name: id }));

/** The list's filters: all that its query takes but where a page begins and how long it is. */
const filtersOf = ({ list }: Entity): ReactNode[] =>
  fieldsOf(operations[list].query)
    .filter(({ name }) => name !== 'limit' && name !== 'cursor')
    .map(({ name, schema, kind }, index) => {
      const common = {
        source: name,
        label: inWords(name),
        alwaysOn: index < FILTERS_SHOWN,
        helperText: false,
      } as const;
      if (kind === 'choice') return <SelectInput key={name} {...common} choices={named(schema.enum ?? [])} />;
      if (kind === 'date') return <DateTimeInput key={name} {...common} parse={isoOf} />;
      return <TextInput key={name} {...common} resettable placeholder={schema.description} />;
    });

const Deed = ({ name }: { name: OperationName }) =>
  isInPieces(name) ? <PiecesButton name={name} /> : <OperationButton name={name} />;

const Actions = ({ entity, hasFilters }: { entity: Entity; hasFilters: boolean }) => (
  <TopToolbar sx={{ flexWrap: 'wrap' }}>
    {hasFilters && <FilterButton />}
    {entity.deeds.filter(may).map((name) => (
      <Deed key={name} name={name} />
    ))}
    {hasBulk(entity) && <BulkButton entity={entity} />}
    {may(entity.create) && (entity.hasForm ? <CreateButton /> : <OperationButton name={entity.create} />)}
    <ColumnsButton />
    <ExportButton maxResults={MOST_EXPORTED} />
  </TopToolbar>
);

/** On a phone: two lines a thing. */
function Lines({ entity }: { entity: Entity }) {
  const { fields, columns, title } = entity;
  const show = (names: string[], row: RaRecord) => (
    <>
      {names.flatMap((name, index) => {
        const field = fields.find((one) => one.name === name);
        if (!field || row[name] === null || row[name] === undefined) return [];
        return [
          <span key={name}>
            {index > 0 && ' · '}
            <Value field={field} value={row[name]} brief plain />
          </span>,
        ];
      })}
    </>
  );
  const others = columns.filter((name) => name !== title);
  return (
    <SimpleList
      rowClick="show"
      primaryText={(row) => show([title], row)}
      secondaryText={(row) => show(others.slice(0, 3), row)}
    />
  );
}

/** The list of an entity, whatever it is: filters, columns and pages come from its contract. */
export function EntityList({ entity }: { entity: Entity }) {
  const isSmall = useMediaQuery((theme: Theme) => theme.breakpoints.down('sm'));
  const filters = filtersOf(entity);
  const exporter = useExporter();
  return (
    <List
      title={entity.label}
      filters={filters as never}
      actions={<Actions entity={entity} hasFilters={filters.length > FILTERS_SHOWN} />}
      empty={false}
      sx={{ minWidth: 0, '& .RaList-main, & .RaList-content, & .RaList-actions': { minWidth: 0 } }}
      perPage={25}
      pagination={<Pages />}
      exporter={exporter}
      {...(entity.live && { queryOptions: { refetchInterval: LIVE_MS } })}
    >
      {isSmall ? <Lines entity={entity} /> : <Rows entity={entity} />}
    </List>
  );
}
