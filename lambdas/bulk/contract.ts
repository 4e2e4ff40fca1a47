import { contract } from '../kernel/contract';
import { BulkAction, BulkPage, BulkPath, BulkProgress, BulkQuery, NewBulkAction } from './schema';

const BULK = '/api/ops/bulk/';
const operator = { roles: ['operator'] } as const;

export const BulkContract = contract({
  startBulkAction: {
    method: 'POST',
    path: BULK,
    summary: 'Do one thing to many, or say to how many it would be done',
    description:
      'Those named by `ids`, or those that a `filter` of their list finds. It goes on in pieces; each thing is changed by its own operation, in your name and with your rights as they are now, and is told in the audit trail with `bulk_id`.',
    access: operator,
    body: NewBulkAction,
    changes: ['bulk_action', 'id'],
    status: 202,
    also: { 200: 'A dry run: nothing was changed.' },
    returns: BulkAction,
    idempotent: true,
  },
  listBulkActions: {
    method: 'GET',
    path: BULK,
    summary: 'List bulk actions, newest first',
    access: operator,
    query: BulkQuery,
    status: 200,
    returns: BulkPage,
  },
  getBulkAction: {
    method: 'GET',
    path: `${BULK}{id}/`,
    summary: 'How far a bulk action has come, and what was refused',
    access: operator,
    params: BulkPath,
    status: 200,
    returns: BulkProgress,
  },
});
