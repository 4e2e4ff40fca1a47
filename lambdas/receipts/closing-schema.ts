import * as z from 'zod';
import { Money } from '../kernel/money';
import { Timestamp } from '../kernel/schema';

const Count = z.int();
const ComparedSums = z.object({ purchases: Count, total_amount: Money, total_nds: Money, total_tips: Money });

/** Totals of one place and hour that were not what the receipts themselves say. */
export const Difference = z
  .object({
    hour: Timestamp,
    place_id: z.string().nullable().meta({ description: 'null: the sum over all places' }),
    counted: ComparedSums,
    recomputed: ComparedSums,
    transaction_ids: z.array(z.string()).meta({ description: 'the receipts of that place and hour, at most 100' }),
  })
  .meta({ id: 'ReceiptsDifference' });
export type Difference = z.output<typeof Difference>;

export const ClosedHour = z
  .object({
    hour: Timestamp,
    closed_at: Timestamp,
    run: z.string(),
    ...ComparedSums.shape,
    differences: z.array(Difference).meta({ description: 'found and repaired, at most 20 with their ids' }),
    missing: z.array(z.string()).meta({ description: 'receipts in the journal that are not stored, at most 100' }),
  })
  .meta({ id: 'ClosedHour' });
export type ClosedHour = z.output<typeof ClosedHour>;

/** What an operator asks of a closing. */
export const NewClosing = z
  .object({
    hour: Timestamp.optional().meta({
      description: 'any time in the hour to close, changed or not; without it, all past hours that changed',
    }),
  })
  .meta({ examples: [{ hour: '2026-01-31T12:00:00.000Z' }] });

export const ClosingRun = z
  .object({
    id: z.string(),
    status: z.enum(['queued', 'running', 'done', 'failed']),
    trigger: z.enum(['schedule', 'request']).default('schedule'),
    started_at: Timestamp.meta({ description: 'or asked for, while it is queued' }),
    finished_at: Timestamp.nullable(),
    hours: z.array(z.string()).meta({
      description: 'closed by this run, the first 1,000',
      examples: [['2026-01-31T12:00:00.000Z']],
    }),
    hours_closed: Count,
    left: z.array(z.string()).meta({
      description:
        'not closed: still changing, no time left, or as `error` says; the first 1,000. They are for the next run',
    }),
    hours_left: Count,
    receipts: Count.meta({ description: 'read to recompute the totals' }),
    differences: Count.meta({ description: 'totals that were wrong and are repaired' }),
    found: z.array(Difference).meta({ description: 'the first 20 of them' }),
    missing: Count.meta({ description: 'receipts in the journal that are not stored' }),
    error: z.string().nullable().meta({ description: 'of the first hour that failed, with its reason' }),
  })
  .meta({ id: 'ClosingRun' });
export type ClosingRun = z.output<typeof ClosingRun>;

export const Books = z
  .object({
    accepted: Count.meta({ description: 'stored durably: records of the stream, and those processed at once' }),
    counted: Count,
    duplicate: Count,
    set_aside: Count,
    waiting: Count.meta({ description: 'in the stream, after what was counted' }),
    waiting_ids: z.array(z.string()).meta({ description: 'at most 100 of those waiting' }),
    announced: Count.meta({ description: 'told to their senders to be accepted' }),
    lost: Count.meta({ description: 'announced, but neither counted nor waiting: always 0' }),
    balanced: z.boolean().meta({ description: 'nothing is lost, and none of `hours` shows a difference' }),
    shards: z.array(z.object({ shard: z.string(), sequence: z.string().nullable(), waiting: Count })),
    hours: z
      .array(ClosedHour)
      .meta({ description: 'the 24 latest hours that are closed: totals against the receipts' }),
  })
  .meta({ id: 'Books' });
