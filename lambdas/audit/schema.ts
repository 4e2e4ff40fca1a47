import * as z from 'zod';
import { Line, Page, PageQuery, Timestamp, Uuid } from '../kernel/schema';

const Side = z.record(z.string(), z.unknown()).nullable();

/** One change of one record. */
export const AuditEntry = z.object({
  id: Uuid,
  at: Timestamp,
  who: z.object({
    kind: z.enum(['user', 'api_key', 'anonymous', 'system']),
    id: z.string().meta({ description: "the user's uuid or the key's id" }),
    name: z.string(),
  }),
  context: z.string().meta({ examples: ['identity'] }),
  operation: z.string().meta({ examples: ['changeUser'] }),
  method: z.string(),
  path: z.string(),
  entity: z.string().meta({ examples: ['user'] }),
  entity_id: z.string(),
  request_id: z.string().meta({ description: 'names the request in the logs, and other entries of the same call' }),
  bulk_id: z.string().nullable().meta({ description: 'the bulk action that it was a part of' }),
  before: Side.meta({ description: 'what was there of the fields that changed; null when there was nothing' }),
  after: Side.meta({ description: 'what is there since; null when it was deleted' }),
  withheld: z.array(z.string()).meta({ description: 'secret fields that changed: their values are never kept here' }),
});
export type AuditEntry = z.output<typeof AuditEntry>;

export const AuditPage = Page(AuditEntry);

export const AuditQuery = PageQuery.extend({
  who: Line(200).optional().meta({ description: "a user's uuid, an API key's id, `anonymous` or `system`" }),
  entity: Line(100).optional().meta({ description: 'such as `order`, `user`, `api_key`, `mailing`' }),
  entity_id: Line(300).optional().meta({ description: 'of one record; together with `entity`' }),
  context: Line(100).optional(),
  from: Timestamp.optional(),
  to: Timestamp.optional().meta({ description: 'up to this time, inclusive' }),
});
export type AuditQuery = z.output<typeof AuditQuery>;

export const EntryPath = z.object({ id: Uuid });
