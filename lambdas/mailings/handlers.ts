import { type Handlers, Reply } from '../kernel/http';
import { addClient, changeClient, deleteClient, getClient, listClients } from './clients';
import type { MailingsContract } from './contract';
import { EXPORT_LINES, exportClients } from './export';
import { getImport, listLines, startImport } from './import';
import { overallTally, type Tally, tallies, tallyOf } from './ledger';
import { findClient, findMessage, getSendingState } from './look-ups';
import {
  addMailing,
  cancelMailing,
  changeMailing,
  deleteMailing,
  getMailing,
  listMailings,
  pauseMailing,
  resumeMailing,
  retryFailed,
  type StoredMailing,
} from './mailings';
import { clientLog, getMessage, listMessages, mailingLog } from './messages';
import { preview } from './preview';

const statsOf = ({ id, status, start_at, end_at }: StoredMailing, tally: Tally) => ({
  ...tally,
  mailing: id,
  status,
  start_at,
  end_at,
});

/** The verbs of the context's HTTP face. */
export const handlers: Handlers<typeof MailingsContract> = {
  listClients,
  addClient: ({ body, principal, idempotency }) =>
    addClient(body, principal.name, (client) => idempotency?.remember({ status: 201, body: client, headers: {} })),
  importClients: ({ rawBody, principal, idempotency }) =>
    startImport(rawBody, principal.name, (job) => idempotency?.remember({ status: 202, body: job, headers: {} })),
  getClientImport: ({ params }) => getImport(params.id),
  listImportLines: (call) => listLines(call, call.params.id),
  exportClients: async (call) => {
    const { csv, next } = await exportClients({ path: call.path, query: { ...call.query, limit: EXPORT_LINES } });
    return new Reply(csv, next === null ? {} : { headers: { link: `<${next}>; rel="next"` } });
  },
  getClient: ({ params }) => getClient(params.id),
  replaceClient: async ({ params, body, principal, requireMatch }) => {
    const before = await getClient(params.id);
    requireMatch(before);
    return changeClient(before, body, principal.name);
  },
  changeClient: async ({ params, body, principal, requireMatch }) => {
    const before = await getClient(params.id);
    requireMatch(before);
    return changeClient(before, body, principal.name);
  },
  deleteClient: async ({ params, requireMatch }) => {
    const before = await getClient(params.id);
    requireMatch(before);
    await deleteClient(before);
    return undefined;
  },
  getClientLog: async ({ params }) => {
    const { history } = await getClient(params.id);
    return { operations: history, messages: await clientLog(params.id) };
  },

  listMailings,
  addMailing: ({ body, principal, idempotency }) =>
    addMailing(body, principal.name, (mailing) => idempotency?.remember({ status: 201, body: mailing, headers: {} })),
  previewMailing: ({ body }) => preview(body),
  getStats: async (call) => {
    const [{ results, next }, overall] = await Promise.all([listMailings(call), overallTally()]);
    const counts = await tallies(results.map(({ id }) => id));
    return { results: results.map((mailing, index) => statsOf(mailing, counts[index] as Tally)), next, overall };
  },
  getMailing: ({ params }) => getMailing(params.id),
  replaceMailing: ({ params, body, principal, requireMatch }) =>
    changeMailing(params.id, body, principal.name, requireMatch),
  changeMailing: ({ params, body, principal, requireMatch }) =>
    changeMailing(params.id, body, principal.name, requireMatch),
  deleteMailing: async ({ params, principal }) => {
    await deleteMailing(params.id, principal.name);
    return undefined;
  },
  pauseMailing: ({ params, principal }) => pauseMailing(params.id, principal.name),
  resumeMailing: ({ params, principal }) => resumeMailing(params.id, principal.name),
  cancelMailing: ({ params, principal }) => cancelMailing(params.id, principal.name),
  getMailingStats: async ({ params }) => statsOf(await getMailing(params.id), await tallyOf(params.id)),
  listMessages: (call) => listMessages(call, call.params.id),
  getMessage: ({ params }) => getMessage(params.id, params.message),
  retryMessages: ({ params, principal }) => retryFailed(params.id, principal.name),
  findClient,
  findMessage,
  getSendingState,
  getMailingLog: (call) => mailingLog(call, call.params.id, call.query),
};
