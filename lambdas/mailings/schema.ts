import * as z from 'zod';
import { Line, PageQuery, Text, Timestamp, Uuid } from '../kernel/schema';
import { isZone } from './window';

export const PhoneNumber = z
  .string()
  .regex(/^7\d{10}$/, 'expected 7 and ten digits, like 79001234567')
  .meta({ examples: ['79001234567'] });

export const OperatorCode = z
  .string()
  .regex(/^\d{3}$/, 'expected three digits, like 900')
  .meta({ examples: ['900'] });

export const Tag = Line(50).meta({ examples: ['vip'] });

export const Zone = z
  .string()
  .max(60)
  .refine(isZone, 'expected an IANA time zone, like Europe/Moscow')
  .meta({ examples: ['Europe/Moscow'] });

export const Client = z
  .object({
    id: Uuid,
    phone_number: PhoneNumber,
    operator_code: OperatorCode.meta({ description: 'digits 2 to 4 of the phone number' }),
    tag: Tag.nullable(),
    timezone: Zone,
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'Client' });
export type Client = z.output<typeof Client>;

export const NewClient = z
  .object({
    phone_number: PhoneNumber,
    operator_code: OperatorCode.optional().meta({ description: 'taken from the phone number when absent' }),
    tag: Tag.nullable().default(null),
    timezone: Zone.default('UTC'),
  })
  .meta({
    examples: [{ phone_number: '79001234567', operator_code: '900', tag: 'vip', timezone: 'Europe/Moscow' }],
  });
export type NewClient = z.output<typeof NewClient>;

export const ClientChange = z
  .object({
    phone_number: PhoneNumber.optional(),
    operator_code: OperatorCode.optional(),
    tag: Tag.nullable().optional(),
    timezone: Zone.optional(),
  })
  .meta({ examples: [{ tag: 'vip', timezone: 'Asia/Yekaterinburg' }] });
export type ClientChange = z.output<typeof ClientChange>;

/** How many values of one kind a filter may name, and how many pairs: each of tag and operator is a range of its own to read. */
const MOST_VALUES = 20;
const MOST_PAIRS = 100;
const oneOrMore = <T extends z.ZodType>(value: T) => z.union([value, z.array(value).min(1).max(MOST_VALUES)]);

interface Pairs {
  tag?: string | string[] | undefined;
  operator_code?: string | string[] | undefined;
}
const hasFewPairs = ({ tag = '', operator_code = '' }: Pairs): boolean =>
  [tag].flat().length * [operator_code].flat().length <= MOST_PAIRS;
const TOO_MANY_PAIRS = `expected at most ${MOST_PAIRS} pairs of a tag and an operator code`;

const ClientFields = {
  tag: oneOrMore(Tag).optional(),
  operator_code: oneOrMore(OperatorCode).optional(),
};

export const ClientQuery = PageQuery.extend(ClientFields).refine(hasFewPairs, TOO_MANY_PAIRS);
export const ExportQuery = PageQuery.omit({ limit: true }).extend(ClientFields).refine(hasFewPairs, TOO_MANY_PAIRS);

/** Whom a mailing is for: clients with one of the tags and one of the operator codes. */
export const Filter = z
  .strictObject({
    ...ClientFields,
    all: z.literal(true).optional().meta({ description: 'everybody; must be said' }),
  })
  .refine(({ operator_code, tag, all }) => all || operator_code || tag, 'would reach everybody: say "all": true')
  .refine(({ operator_code, tag, all }) => !all || !(operator_code || tag), '"all": true stands alone')
  .refine(hasFewPairs, TOO_MANY_PAIRS)
  .meta({ examples: [{ tag: 'vip', operator_code: ['900', '901'] }] });
export type Filter = z.output<typeof Filter>;

const TimeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected hours and minutes, like 09:00')
  .meta({ examples: ['09:00'] });

/** The hours in which a client may be written to, by the client's own clock; `to` is the first minute outside. */
export const TimeWindow = z
  .strictObject({ from: TimeOfDay, to: TimeOfDay })
  .refine(({ from, to }) => from !== to, 'from and to must differ')
  .meta({ examples: [{ from: '09:00', to: '18:00' }] });
export type TimeWindow = z.output<typeof TimeWindow>;

export const MAILING_STATUSES = ['scheduled', 'running', 'paused', 'finished', 'cancelled'] as const;

export const Mailing = z
  .object({
    id: Uuid,
    text: z.string(),
    start_at: Timestamp,
    end_at: Timestamp,
    filter: Filter,
    time_window: TimeWindow.nullable(),
    status: z.enum(MAILING_STATUSES),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'Mailing' });
export type Mailing = z.output<typeof Mailing>;

const MailingFields = {
  text: Text(2_000).meta({ examples: ['Your order is ready'] }),
  start_at: Timestamp,
  end_at: Timestamp,
  filter: Filter,
};

export const NewMailing = z.object({ ...MailingFields, time_window: TimeWindow.nullable().default(null) }).meta({
  examples: [
    {
      text: 'Your order is ready',
      start_at: '2030-01-07T06:00:00.000Z',
      end_at: '2030-01-07T18:00:00.000Z',
      filter: { tag: 'vip', operator_code: ['900', '901'] },
      time_window: { from: '09:00', to: '18:00' },
    },
  ],
});
export type NewMailing = z.output<typeof NewMailing>;

export const MailingChange = z
  .object({ ...MailingFields, time_window: TimeWindow.nullable() })
  .partial()
  .meta({ examples: [{ text: 'Your order is ready to be fetched' }] });
export type MailingChange = z.output<typeof MailingChange>;

export const MailingQuery = PageQuery.extend({ status: z.enum(MAILING_STATUSES).optional() });

export const MESSAGE_STATUSES = ['processing', 'sent', 'error', 'expired'] as const;
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

export const Waiting = z.object({
  reason: z.enum(['rate', 'window', 'retry', 'paused', 'service_down']),
  until: Timestamp.nullable(),
  detail: z.string().meta({ examples: ['retry 3 at 12:05:09: the service answered 503'] }),
});

export const Message = z
  .object({
    id: Uuid,
    mailing: Uuid,
    client: Uuid,
    phone_number: PhoneNumber,
    status: z.enum(MESSAGE_STATUSES),
    attempts: z.int(),
    created_at: Timestamp,
    sent_at: Timestamp.nullable(),
    last_error: z.string().nullable(),
    waiting: Waiting.nullable().meta({ description: 'why it is not sent yet; null when its status is final' }),
  })
  .meta({ id: 'Message' });
export type Message = z.output<typeof Message>;

export const MessageQuery = PageQuery.extend({ status: z.enum(MESSAGE_STATUSES).optional() });

/** One request to the send service and its answer. */
export const Attempt = z.object({
  at: Timestamp,
  ms: z.number().meta({ description: 'how long the answer took' }),
  status: z.int().nullable().meta({ description: 'the HTTP status; null when there was no answer' }),
  outcome: z.enum(['sent', 'failed', 'refused']),
  answer: z.string().meta({ description: 'the beginning of the answer, or what went wrong' }),
});
export type Attempt = z.output<typeof Attempt>;

/** An operation on a mailing or a client. */
export const Deed = z.object({ at: Timestamp, by: z.string(), what: z.string() });
export type Deed = z.output<typeof Deed>;

export const Counts = z
  .object({ total: z.int(), processing: z.int(), sent: z.int(), error: z.int(), expired: z.int() })
  .meta({ id: 'Counts' });
export type Counts = z.output<typeof Counts>;

export const MailingStats = Counts.extend({
  mailing: Uuid,
  status: z.enum(MAILING_STATUSES),
  start_at: Timestamp,
  end_at: Timestamp,
}).meta({ id: 'MailingStats' });

export const Preview = z
  .object({
    clients: z.int(),
    exact: z.boolean().meta({ description: 'false when there were more than could be counted in time' }),
    zones: z.array(
      z.object({
        timezone: Zone,
        clients: z.int(),
        first_send_at: Timestamp.nullable().meta({ description: 'null when the window never opens before the end' }),
        windows: z.array(z.object({ from: Timestamp, to: Timestamp })).meta({ description: 'the first seven, in UTC' }),
      }),
    ),
    unreachable: z.int().meta({ description: 'clients whose window does not open between start and end' }),
    rate_per_second: z.number().nullable(),
    seconds: z.number().nullable().meta({ description: 'how long sending takes at this rate, windows aside' }),
  })
  .meta({ id: 'Preview' });
export type Preview = z.output<typeof Preview>;

export const IdPath = z.object({ id: Uuid });
export const MessagePath = z.object({ id: Uuid, message: Uuid });

export const LINE_OUTCOMES = ['created', 'updated', 'unchanged', 'refused'] as const;

/** What became of a line of an import; lines are counted from 1, the heading among them. */
export const LineReport = z.object({
  line: z.int(),
  outcome: z.enum(LINE_OUTCOMES),
  client: Uuid.optional(),
  reason: z.string().optional().meta({ description: 'why it was refused' }),
});
export type LineReport = z.output<typeof LineReport>;

export const ClientImport = z
  .object({
    id: Uuid,
    status: z.enum(['running', 'finished']),
    lines: z.int(),
    created: z.int(),
    updated: z.int(),
    unchanged: z.int(),
    refused: z.int(),
    created_at: Timestamp,
  })
  .meta({ id: 'ClientImport' });
export type ClientImport = z.output<typeof ClientImport>;

export const LineQuery = PageQuery.extend({ outcome: z.enum(LINE_OUTCOMES).optional() });
