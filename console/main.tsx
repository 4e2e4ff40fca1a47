import { type ComponentType, type ReactNode, StrictMode, Suspense } from 'react';
import { AccessDenied, Admin, CustomRoutes, Resource } from 'react-admin';
import { createRoot } from 'react-dom/client';
import { Route } from 'react-router-dom';
import type { OperationName } from '../client/operations';
import { may } from './api';
import { authProvider } from './auth-provider';
import { dataProvider } from './data-provider';
import { ENTITIES, type Entity } from './entities';
import { EntityCreate, EntityEdit } from './form';
import { Frame } from './layout';
import { EntityList } from './list';
import { LoginPage } from './login';
import { PAGES } from './pages';
import HomePage from './pages/home';
import { EntityShow } from './show';
import { dark, light } from './theme';
import './motion.css';

/** Asks for nothing that the user may not see: the library would ask first and look then. */
const Guard = ({ needs, children }: { needs: OperationName | undefined; children: ReactNode }) =>
  may(needs) ? children : <AccessDenied />;

const guarded = (needs: OperationName | undefined, Page: ComponentType<{ entity: Entity }>, entity: Entity) => (
  <Guard needs={needs}>
    <Page entity={entity} />
  </Guard>
);

const resource = (entity: Entity) => (
  <Resource
    key={entity.name}
    name={entity.name}
    options={{ label: entity.label }}
    recordRepresentation={(record) => String(record[entity.title] ?? record.id)}
    list={guarded(entity.list, EntityList, entity)}
    show={guarded(entity.get ?? entity.list, EntityShow, entity)}
    {...(entity.hasForm && { create: guarded(entity.create, EntityCreate, entity) })}
    {...(entity.change && { edit: guarded(entity.change, EntityEdit, entity) })}
  />
);

const Console = () => (
  <Admin
    title="Mercato"
    dataProvider={dataProvider}
    authProvider={authProvider}
    layout={Frame}
    loginPage={LoginPage}
    dashboard={HomePage}
    theme={light}
    darkTheme={dark}
    requireAuth
    disableTelemetry
  >
    {ENTITIES.map(resource)}
    <CustomRoutes>
      {PAGES.map(({ path, needs, Page }) => (
        <Route
          key={path}
          path={path}
          element={
            <Suspense>
              <Guard needs={needs}>
                <Page />
              </Guard>
            </Suspense>
          }
        />
      ))}
    </CustomRoutes>
  </Admin>
);

const place = document.getElementById('console');
if (place) {
  createRoot(place).render(
    <StrictMode>
      <Console />
    </StrictMode>,
  );
}
