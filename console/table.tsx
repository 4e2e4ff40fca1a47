import { BulkDeleteWithConfirmButton, BulkExportButton, DataTable, type RaRecord, useListContext } from 'react-admin';
import { may } from './api';
import { BulkButton, hasBulk } from './bulk';
import { asGiven } from './data-provider';
import type { Entity } from './entities';
import { type Field, inWords } from './schema';
import { pageOf, RowLink, Value } from './value';

const isNumeric = ({ kind, schema }: Field): boolean =>
  kind === 'number' || schema.description?.startsWith('decimal') === true;

interface CellProps {
  entity: Entity;
  field: Field;
  row: RaRecord;
  /** Leads to the row's page: there are people without a mouse. */
  isFirst: boolean;
}

function Cell({ entity, field, row, isFirst }: CellProps) {
  const given = asGiven(row);
  const value = <Value field={field} value={given[field.name]} entity={entity} of={given} brief plain={isFirst} />;
  return isFirst ? <RowLink to={pageOf(entity, String(row.id))}>{value}</RowLink> : value;
}

/** Nothing is asked of the API first where it has no bulk action. */
function DeleteSelected({ label }: Entity) {
  const { selectedIds = [] } = useListContext();
  return (
    <BulkDeleteWithConfirmButton
      mutationMode="pessimistic"
      confirmTitle={`Delete ${selectedIds.length} of ${label}?`}
      confirmContent="They are deleted one after the other; the first that is refused ends it."
    />
  );
}

/** The list's rows as a table, whose columns can be chosen. */
export function Rows({ entity }: { entity: Entity }) {
  const { fields, columns } = entity;
  const ordered = [
    ...columns.flatMap((name) => fields.find((field) => field.name === name) ?? []),
    ...fields.filter(({ name }) => !columns.includes(name)),
  ];
  return (
    <DataTable
      rowClick="show"
      bulkActionButtons={
        <>
          {hasBulk(entity) && <BulkButton entity={entity} selected />}
          <BulkExportButton />
          {may(entity.remove) && !hasBulk(entity) && <DeleteSelected {...entity} />}
        </>
      }
      hiddenColumns={ordered.filter(({ name }) => !columns.includes(name)).map(({ name }) => name)}
    >
      {ordered.map((field, index) => (
        <DataTable.Col
          key={field.name}
          source={field.name}
          label={inWords(field.name)}
          disableSort
          cellSx={() => (isNumeric(field) ? { textAlign: 'right' } : {})}
          render={(row: RaRecord) => <Cell entity={entity} field={field} row={row} isFirst={index === 0} />}
        />
      ))}
    </DataTable>
  );
}
