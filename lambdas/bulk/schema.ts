import * as z from 'zod';
import { Delegator } from '../kernel/delegation';
import { Line, Page, PageQuery, Timestamp, Uuid } from '../kernel/schema';
import { ENTITIES } from './actions';

/** Things of one bulk action at the most. */
export const MOST = 5_000;

const WORDS = Object.entries(ENTITIES).map(([name, { actions }]) => `${name}: ${Object.keys(actions).join(', ')}`);
const FILTERS = Object.entries(ENTITIES).map(([name, { filters }]) => `${name}: ${filters.join(', ')}`);

export const NewBulkAction = z
  .strictObject({
    entity: z.enum(Object.keys(ENTITIES)),
    action: Line(50).meta({ description: `of its entity; ${WORDS.join('; ')}` }),
    ids: z.array(Line(300)).min(1).max(MOST).optional().meta({ description: 'these; or those of a filter' }),
    filter: z
      .record(z.string(), z.union([z.string().max(500), z.array(z.string().max(500)).min(1).max(20)]))
      .optional()
      .meta({
        description: `what the entity's own list would be asked for (${FILTERS.join('; ')}); an empty one takes all`,
      }),
    dry_run: z.boolean().default(false).meta({ description: 'only says how many it would be' }),
  })
  .meta({
    examples: [{ entity: 'order', action: 'cancel', ids: ['0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55'], dry_run: false }],
  });
export type NewBulkAction = z.output<typeof NewBulkAction>;

export const BulkAction = z.object({
  id: Uuid.nullable().meta({ description: 'null for a dry run' }),
  entity: z.string(),
  action: z.string(),
  dry_run: z.boolean(),
  status: z.enum(['dry_run', 'running', 'finished']),
  number: z.int().meta({ description: 'of the things concerned' }),
  more: z.boolean().meta({ description: 'the filter fits more than these: do it again afterwards' }),
  sample: z.array(z.string()).meta({ description: 'ids of the first ten' }),
  done: z.int(),
  refused: z.int().meta({ description: 'things that their context would not let this be done to' }),
  by: z.object({ id: z.string(), name: z.string() }),
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type BulkAction = z.output<typeof BulkAction>;

export const BulkRefusal = z.object({ id: z.string(), reason: z.string() });
export type BulkRefusal = z.output<typeof BulkRefusal>;

export const BulkProgress = BulkAction.extend({
  refusals: z.array(BulkRefusal).meta({ description: 'the first hundred' }),
});

export const StoredBulkAction = BulkAction.extend({
  id: Uuid,
  by: Delegator,
  pieces: z.int(),
  pieces_done: z.int(),
});
export type StoredBulkAction = z.output<typeof StoredBulkAction>;

export const BulkPage = Page(BulkAction);
export const BulkQuery = PageQuery;
export const BulkPath = z.object({ id: Uuid });

/** "Do it to these." */
export const Piece = z.object({ bulk: Uuid, piece: z.int(), ids: z.array(z.string()) });
export type Piece = z.output<typeof Piece>;
