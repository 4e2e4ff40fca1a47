import * as z from 'zod';
import { Page, PageQuery, Timestamp } from '../kernel/schema';

export const RESOURCES = ['users', 'addresses', 'credit_cards'] as const;
export const Resource = z.enum(RESOURCES).meta({ examples: ['users'] });
export type Resource = z.output<typeof Resource>;

/** What links a user, an address and a card. */
const Uid = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, 'expected 1 to 128 visible ASCII characters')
  .meta({ examples: ['0f6b2c1e-5d0a-4c55-a3a1-9d3f0f7f2f11'] });
const Name = z.string().trim().min(1).max(200);

/** What is kept of a card number: enough to show it and to recognise the same card, not enough to pay with it. */
export const ProtectedNumber = z
  .object({
    first_six: z.string(),
    last_four: z.string(),
    fingerprint: z.string().meta({ description: 'the same for the same card, and of no other use' }),
  })
  .meta({ examples: [{ first_six: '424242', last_four: '4242', fingerprint: 'b1W2…' }] });
export type ProtectedNumber = z.output<typeof ProtectedNumber>;

/** The shapes of the source's records, after card numbers were protected. Fields that are not named are kept. */
export const RECORDS = {
  users: z.looseObject({
    uid: Uid,
    first_name: Name.meta({ examples: ['Ada'] }),
    last_name: Name.meta({ examples: ['Berg'] }),
    email: z
      .string()
      .trim()
      .min(3)
      .max(320)
      .meta({ examples: ['ada.berg@example.com'] }),
    username: z.string().optional(),
    phone_number: z.string().optional(),
  }),
  addresses: z.looseObject({
    uid: Uid,
    city: Name.meta({ examples: ['Lake Ada'] }),
    street_address: Name.meta({ examples: ['12 Mill Lane'] }),
    country: Name.meta({ examples: ['Norway'] }),
    full_address: z.string().optional(),
  }),
  credit_cards: z.looseObject({
    uid: Uid,
    credit_card_number: ProtectedNumber,
    credit_card_type: Name.meta({ examples: ['visa'] }),
    credit_card_expiry_date: Name.meta({ examples: ['2029-04-12'] }),
  }),
};
export type SourceRecord = { uid: string } & Record<string, unknown>;

const Times = { created_at: Timestamp, updated_at: Timestamp };
const Assignment = {
  user: Uid.nullable().meta({ description: 'the uid of its user; null: of none' }),
  linked_at: Timestamp.nullable(),
};

export const User = RECORDS.users.extend({
  source_address: z
    .unknown()
    .optional()
    .meta({
      description:
        'the `address` inside of the source’s own record of the user; any field of the source with the name of ours is shown so, as `source_…`',
      examples: [{ city: 'Lake Ada', street_address: '12 Mill Lane', country: 'Norway' }],
    }),
  ...Times,
});
export const Address = RECORDS.addresses.extend({ ...Times, ...Assignment });
export const CreditCard = RECORDS.credit_cards.extend({ ...Times, ...Assignment });
export const Person = User.extend({
  address: Address.nullable().meta({ description: 'the record of the same uid among the addresses' }),
  credit_cards: z.array(CreditCard),
});

export const UidPath = z.object({ uid: z.string().min(1).max(128) });

export const UserQuery = PageQuery.extend({
  search: z.string().trim().max(150).optional().meta({
    description: 'the beginning of the full name or of the email, in any case; results are then in its order',
  }),
});
export const AssignedQuery = PageQuery.extend({
  assigned: z.enum(['true', 'false']).optional().meta({ description: 'only those with, or without, a user' }),
});

export const Run = z.object({
  id: z.uuid(),
  resource: Resource,
  trigger: z.enum(['schedule', 'request', 'catch_up']).meta({
    description: 'catch_up: makes up for runs of the schedule that got nothing from the source',
  }),
  state: z.enum(['queued', 'running', 'succeeded', 'failed']),
  batches: z.int().meta({ description: 'how many were asked for' }),
  batches_done: z.int(),
  fetched: z.int().meta({ description: 'records that the source gave' }),
  stored: z.int().meta({ description: 'of these, now in the table' }),
  created: z.int().meta({ description: 'of these, seen for the first time' }),
  linked: z.int().meta({ description: 'addresses and cards that got their user by this run' }),
  set_aside: z.int().meta({ description: 'records of the wrong shape' }),
  attempts: z.int().meta({ description: 'requests to the source' }),
  error: z.string().nullable().meta({ description: 'why it failed, or what it waits for to pass' }),
  created_at: Timestamp,
  started_at: Timestamp.nullable(),
  finished_at: Timestamp.nullable(),
  duration_ms: z.number().nullable().meta({ description: 'spent on working, waiting between batches left out' }),
});
export type Run = z.output<typeof Run>;

export const NewRun = z
  .strictObject({
    resource: Resource,
    batches: z.int().min(1).max(1_000).default(1).meta({ description: 'fetched one after the other' }),
  })
  .meta({ examples: [{ resource: 'users', batches: 20 }] });
export const ResourceQuery = PageQuery.extend({ resource: Resource.optional() });
export const IdPath = z.object({ id: z.uuid() });

export const SetAside = z.object({
  id: z.uuid(),
  resource: Resource,
  reason: z.string(),
  record: z.unknown().meta({ description: 'as the source gave it, without card numbers and secrets' }),
  times: z.int().meta({ description: 'how often it came' }),
  set_aside_at: Timestamp,
  last_seen_at: Timestamp,
});

export const Correction = z
  .strictObject({
    record: z.looseObject({}).optional().meta({ description: 'the corrected record. Default: the one set aside' }),
  })
  .meta({ examples: [{}] });
export const Outcome = z.object({ resource: Resource, uid: Uid, created: z.boolean(), linked: z.int() });

export const UserPage = Page(User);
export const AddressPage = Page(Address);
export const CreditCardPage = Page(CreditCard);
export const RunPage = Page(Run);
export const SetAsidePage = Page(SetAside);
