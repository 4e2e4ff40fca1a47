import { contract } from '../kernel/contract';
import { AuditEntry, AuditPage, AuditQuery, EntryPath } from './schema';

const operator = { roles: ['operator'] } as const;

export const AuditContract = contract({
  listAuditEntries: {
    method: 'GET',
    path: '/api/audit/',
    summary: 'Who changed what, when, and how it was before, newest first',
    description:
      'Every change by HTTP is written together with its entry, in one transaction. Entries are added and never changed. An entry is in the list within a second of its change. Changes of users, roles and keys are shown to admins alone.',
    access: operator,
    query: AuditQuery,
    status: 200,
    returns: AuditPage,
  },
  getAuditEntry: {
    method: 'GET',
    path: '/api/audit/{id}/',
    summary: 'Get an entry of the audit trail',
    access: operator,
    params: EntryPath,
    status: 200,
    returns: AuditEntry,
  },
});
