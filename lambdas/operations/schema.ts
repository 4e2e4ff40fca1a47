import * as z from 'zod';
import { Line, PageQuery, Timestamp } from '../kernel/schema';
import { isExact } from './payload';

const Count = z.int().min(0);
const Context = z.string().meta({ examples: ['orders'] });

/** Names of lanes and schedules: the path of their construct, with dots. */
const Name = z
  .string()
  .regex(/^[A-Za-z]{1,40}(\.[A-Za-z]{1,40}){0,3}$/)
  .meta({ examples: ['Orders.Work'] });

export const QueueState = z
  .object({
    lane: Name,
    context: Context,
    role: z
      .string()
      .nullable()
      .meta({ description: 'its name in the outbox; null where only dead letters are', examples: ['ORDERS_TASKS'] }),
    waiting: Count.meta({ description: 'messages that a worker may take now; like all three an approximation of SQS' }),
    in_flight: Count.meta({ description: 'taken, and neither done nor given back' }),
    delayed: Count.meta({ description: 'not due yet' }),
    dead: Count.meta({ description: 'dead letters that nobody has put back or thrown away' }),
    oldest_since: Timestamp.nullable().meta({
      description:
        'what waits longest came after this: the lane was seen empty then. Null: nothing waits, or not known',
    }),
  })
  .meta({ id: 'QueueState' });
export type QueueState = z.output<typeof QueueState>;

export const StreamState = z
  .object({
    stream: Name,
    context: Context,
    kind: z.enum(['kinesis', 'outbox']),
    lag: Count.nullable().meta({ description: 'records after the checkpoint; null: not known here' }),
    shards: z.array(z.object({ shard: z.string(), checkpoint: z.string().nullable(), lag: Count })),
    dead: Count.meta({ description: 'records given up, that nobody has put back or thrown away' }),
    note: z.string().nullable().meta({ description: 'why the lag is not known' }),
  })
  .meta({ id: 'StreamState' });
export type StreamState = z.output<typeof StreamState>;

export const LETTER_KINDS = ['message', 'receipt', 'profile', 'delivery'] as const;
export const LETTER_STATES = ['open', 'put_back', 'discarded'] as const;

export const LetterId = z
  .string()
  .regex(/^(message|receipt|profile|delivery)\.[\w-]{1,300}$/, 'expected the id of a dead letter')
  .meta({ examples: ['message.0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55'] });

export const DeadLetter = z
  .object({
    id: LetterId,
    kind: z.enum(LETTER_KINDS).meta({
      description:
        'message: of a queue; receipt, profile: a record set aside; delivery: a webhook whose attempts are used up',
    }),
    lane: z.string().meta({ examples: ['Orders.Work'] }),
    context: Context,
    payload: z.unknown().meta({ description: 'what could not be worked on, as it was or as it was edited' }),
    reason: z.string(),
    since: Timestamp,
    attempts: Count.nullable().meta({ description: 'null where it is not counted' }),
    edited: z.boolean(),
    can_put_back: z.boolean(),
    can_edit: z.boolean(),
    can_discard: z.boolean(),
    state: z.enum(LETTER_STATES),
    ended_at: Timestamp.nullable().meta({ description: 'when it was put back or thrown away' }),
    ended_by: z.string().nullable(),
    link: z.string().nullable().meta({ description: 'where its context shows it' }),
  })
  .meta({ id: 'DeadLetter' });
export type DeadLetter = z.output<typeof DeadLetter>;

const letterFilter = {
  lane: Line(100).optional(),
  context: Line(40).optional(),
  reason: Line(200).optional().meta({ description: 'a part of the reason, in any case' }),
};

export const LetterQuery = PageQuery.extend(letterFilter);
export const LetterPath = z.object({ id: LetterId });

/** As large as a message of SQS may be, JSON around it left out. */
export const LetterChange = z
  .strictObject({
    payload: z
      .unknown()
      .refine(
        (value) => value !== undefined && isExact(value),
        'expected JSON of at most 32 levels, without numbers that it would round',
      )
      .meta({ description: 'what is put back instead' }),
  })
  .meta({ examples: [{ payload: { id: 'msg_0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55', turn: 1 } }] });

export const PutBackByFilter = z
  .strictObject({
    filter: z.strictObject({
      ...letterFilter,
      from: Timestamp.optional().meta({ description: 'dead since this time or later' }),
      to: Timestamp.optional().meta({ description: 'dead since this time or earlier' }),
      ids: z.array(LetterId).min(1).max(200).optional().meta({ description: 'these alone' }),
    }),
    dry_run: z.boolean().default(false).meta({ description: 'only says how many it would be' }),
    limit: z.int().min(1).max(100).default(100).meta({ description: 'letters in this piece; a dry run counts all' }),
    cursor: z.string().max(8_000).nullish().meta({ description: 'of the answer before' }),
  })
  .meta({ examples: [{ filter: { lane: 'Orders.Work', reason: 'timeout' }, dry_run: true }] });

export const PutBackReport = z
  .object({
    dry_run: z.boolean(),
    concerned: Count.meta({
      description: 'letters that the filter holds for: all of them in a dry run, else of this piece',
    }),
    exact: z.boolean().meta({ description: 'false when there were more than could be counted in time' }),
    put_back: Count,
    refused: z.array(z.object({ id: LetterId, reason: z.string() })),
    cursor: z.string().nullable().meta({ description: 'the next piece; null when all is done' }),
  })
  .meta({ id: 'PutBackReport' });

export const ScheduleState = z
  .object({
    name: Name.meta({ examples: ['Catalogue.StartRun'] }),
    context: Context,
    rule: z.string(),
    expression: z.string().meta({ examples: ['rate(1 minute)'] }),
    enabled: z.boolean(),
    last_run: Timestamp.nullable().meta({ description: 'when the rule fired last, or it was run by hand' }),
    next_run: Timestamp.nullable().meta({ description: 'null: switched off, or not fired yet' }),
    changed_at: Timestamp.nullable().meta({ description: 'when somebody switched it on or off last' }),
    changed_by: z.string().nullable(),
    fixed: z.boolean().meta({ description: 'cannot be switched off: it keeps the others as they were switched' }),
  })
  .meta({ id: 'ScheduleState' });
export type ScheduleState = z.output<typeof ScheduleState>;
export const SchedulePath = z.object({ name: Name });
export const ScheduleChange = z.strictObject({ enabled: z.boolean() }).meta({ examples: [{ enabled: false }] });
export const ScheduleRun = z.object({ name: Name, started_at: Timestamp }).meta({ id: 'ScheduleRun' });

export const NEIGHBOURS = ['random-data', 'offers', 'send'] as const;
export const NeighbourState = z
  .object({
    name: z.enum(NEIGHBOURS),
    context: Context,
    state: z.enum(['well', 'troubled', 'down', 'unknown']),
    detail: z.string().meta({ description: 'why, for people' }),
    last_success: Timestamp.nullable(),
    last_failure: Timestamp.nullable(),
    recent: z.object({ succeeded: Count, failed: Count }).meta({ description: 'of the runs looked at' }),
    circuit: z
      .object({ open_until: Timestamp.nullable(), failures: Count })
      .nullable()
      .meta({ description: 'whether we have stopped asking it for a while' }),
    runs: z.string().nullable().meta({ description: 'where its context shows them' }),
    faults: z
      .looseObject({ mode: z.string() })
      .nullable()
      .meta({ description: 'what its stand-in does wrong; null where there is none' }),
    faults_link: z.string().nullable().meta({ description: 'where an operator switches the faults of its stand-in' }),
  })
  .meta({ id: 'NeighbourState' });
export type NeighbourState = z.output<typeof NeighbourState>;

/** Celery's states. */
export const TASK_STATES = ['PENDING', 'STARTED', 'RETRY', 'SUCCESS', 'FAILURE', 'REVOKED'] as const;

export const TaskSummaryQuery = z.object({
  last: z.enum(['hour', 'day']).default('hour').meta({ description: 'an hour in minutes, a day in half hours' }),
});

const Percentiles = z
  .object({ p50: z.number(), p95: z.number() })
  .nullable()
  .meta({ description: 'seconds, to within a tenth; null without a task that ended' });

export const TaskSummary = z
  .object({
    last: z.enum(['hour', 'day']),
    bucket_seconds: z.int(),
    states: z.record(z.enum(TASK_STATES), Count),
    at_least: z.array(z.enum(TASK_STATES)).meta({ description: 'states of which there are more than were counted' }),
    succeeded: Count.meta({ description: 'within the period, like all that follows' }),
    failed: Count,
    revoked: Count,
    per_second: z.number().meta({ description: 'tasks ended a second' }),
    runtime_seconds: Percentiles.meta({ description: 'of the last attempt' }),
    wait_seconds: Percentiles.meta({ description: 'from being asked for to the last attempt' }),
    buckets: z
      .array(
        z.object({
          start: Timestamp,
          succeeded: Count,
          failed: Count,
          revoked: Count,
          runtime_seconds: Percentiles,
        }),
      )
      .meta({ description: 'all of the period, oldest first' }),
  })
  .meta({ id: 'TaskSummary' });
export type TaskSummary = z.output<typeof TaskSummary>;

export const SearchQuery = z.object({
  q: Line(200).meta({
    description: 'an id of any kind, an order_key, a phone number, the prefix of an API key',
    examples: ['ok-0199f3a2'],
  }),
});

export const SearchMatch = z
  .object({
    context: Context,
    entity: z.string().meta({ examples: ['order'] }),
    id: z.string(),
    title: z.string().meta({ description: 'what people call it' }),
    state: z.string().nullable(),
    waiting_for: z.string().nullable().meta({ description: 'why it is not done yet; null when it is' }),
    link: z.string().meta({ description: 'its path in the API, below the base address' }),
  })
  .meta({ id: 'SearchMatch' });
export type SearchMatch = z.output<typeof SearchMatch>;

export const SearchResult = z
  .object({
    q: z.string(),
    results: z.array(SearchMatch),
    unanswered: z.array(Context).meta({ description: 'contexts that could not be asked at the moment' }),
  })
  .meta({ id: 'SearchResult' });

/** Ten years to either side. */
const FARTHEST_SECONDS = 10 * 366 * 86_400;

export const Clock = z
  .object({
    offset_seconds: z.int().meta({ description: "how far the product's time is ahead of the machine's" }),
    movable: z.boolean().meta({ description: 'true in local stages alone' }),
  })
  .meta({ id: 'Clock' });
export const ClockChange = z
  .strictObject({ offset_seconds: z.int().min(-FARTHEST_SECONDS).max(FARTHEST_SECONDS) })
  .meta({ examples: [{ offset_seconds: 3_600 }] });
