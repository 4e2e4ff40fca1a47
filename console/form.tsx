import { Create, Edit, SaveButton, SimpleForm, Toolbar } from 'react-admin';
import { operations } from './api';
import type { Entity } from './entities';
import { InputFor } from './input';
import { fieldsOf } from './schema';

const SaveOnly = () => (
  <Toolbar sx={{ bgcolor: 'transparent' }}>
    <SaveButton />
  </Toolbar>
);

/** A form for a new one, made from what the API takes. */
export const EntityCreate = ({ entity }: { entity: Entity }) => (
  <Create redirect={entity.get ? 'show' : 'list'} title={`Add to ${entity.label}`}>
    <SimpleForm toolbar={<SaveOnly />}>
      {fieldsOf(entity.create && operations[entity.create].body).map((field) => (
        <InputFor key={field.name} field={field} />
      ))}
    </SimpleForm>
  </Create>
);

/** A form for changes, made from what the API takes; only what was changed is sent. */
export const EntityEdit = ({ entity }: { entity: Entity }) => (
  <Edit mutationMode="pessimistic" redirect="show" actions={false} title={`Change in ${entity.label}`}>
    <SimpleForm toolbar={<SaveOnly />}>
      {fieldsOf(entity.change && operations[entity.change].body).map((field) => (
        <InputFor key={field.name} field={field} optional />
      ))}
    </SimpleForm>
  </Edit>
);
