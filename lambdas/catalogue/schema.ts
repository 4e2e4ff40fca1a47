import * as z from 'zod';
import { UnitPrice } from '../kernel/money';
import { Line, PageQuery, Text, Timestamp, Uuid } from '../kernel/schema';

export const OffersStatus = z.enum(['registering', 'active', 'error']).meta({
  description:
    'registering: not yet known to the offers service; active: its offers are followed; error: see `offers_error`',
});
export type OffersStatus = z.output<typeof OffersStatus>;

export const NewProduct = z.object({
  name: Line(200).meta({ examples: ['Oak table'] }),
  description: Text(5_000).meta({ examples: ['Seats six, oiled, 180 × 90 cm.'] }),
});
/** What PATCH takes: any part; a field that does not exist is refused. */
export const ProductChange = NewProduct.partial().strict();

export const Product = NewProduct.extend({
  id: Uuid,
  owner: z.string().meta({ description: 'who added it: the uuid of a user or of an API key' }),
  offers_status: OffersStatus,
  offers_error: z.string().nullable().meta({ description: 'why there is nothing new from the offers service' }),
  lowest_price: UnitPrice.nullable().meta({ description: 'of the current offers in stock; null when there is none' }),
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Product = z.output<typeof Product>;

export const ProductQuery = PageQuery.extend({
  search: Line(200).optional().meta({ description: 'what the name begins with; case and accents do not count' }),
  sort: z.enum(['newest', 'name', '-name', 'price', '-price']).optional().meta({
    description:
      'newest first, or by name with `search`, when not given; `price`: cheapest first, `-price`: dearest first, both only of products with an offer in stock, and not together with `search`',
  }),
});

export const RegistrationState = z.enum(['pending', 'registered', 'failed']);

/** How far the registration of a product with the offers service is. It has the product's id. */
export const Registration = z.object({
  id: Uuid,
  product: Uuid,
  state: RegistrationState,
  attempts: z.int().meta({ description: 'requests made so far' }),
  last_error: z.string().nullable(),
  next_attempt_at: Timestamp.nullable(),
  registered_at: Timestamp.nullable(),
  created_at: Timestamp,
  updated_at: Timestamp,
});
export type Registration = z.output<typeof Registration>;

/** Work on a registration. A message of another turn than the registration's is a repeated one. */
export const RegistrationTurn = z.object({ product: z.string(), turn: z.int() });
export type RegistrationTurn = z.output<typeof RegistrationTurn>;

export const Offer = z.object({
  id: z.guid().meta({ description: "the offers service's id of it" }),
  product: Uuid,
  price: UnitPrice,
  items_in_stock: z.int(),
  is_active: z.boolean().meta({ description: 'false: the offers service does not have it any more' }),
  first_seen_at: Timestamp,
  last_seen_at: Timestamp,
});
export type Offer = z.output<typeof Offer>;

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

export const OffersQuery = PageQuery.extend({
  in_stock: flag.optional().meta({ description: 'true: only offers with items in stock; false: only those without' }),
  is_active: z.enum(['true', 'false', 'any']).default('true').meta({
    description: 'false: those that the offers service does not have any more; any: all',
  }),
});

export const PricesQuery = z.object({
  from: Timestamp.optional().meta({
    description:
      'the start of the period; when not given 30 days before its end, or less where more has changed than an answer holds',
  }),
  to: Timestamp.optional().meta({ description: 'the end of the period; this minute when not given' }),
  before: Timestamp.optional().meta({
    description: 'the date whose preceding 30 days `lowest_30_days` is about; the end of the period when not given',
  }),
});

const Price = UnitPrice.nullable().meta({ description: 'null: there was none' });
const Run = Uuid.nullable().meta({ description: 'the refresh that observed it' });
const Percent = z
  .string()
  .regex(/^-?\d+\.\d\d$/)
  .nullable()
  .meta({
    description:
      'rise, or fall below zero, in percent of the price in force at the start of the period; null without one at both ends',
    examples: ['-12.50'],
  });
const inPeriod = { price_at_start: Price, price_at_end: Price, change_percent: Percent };

export const PriceReport = z.object({
  product: Uuid,
  from: Timestamp,
  to: Timestamp,
  offers: z.array(
    z.object({ offer: z.guid(), ...inPeriod, points: z.array(z.object({ at: Timestamp, price: Price, run: Run })) }),
  ),
  lowest: z.object({
    ...inPeriod,
    points: z.array(
      z.object({
        at: Timestamp,
        price: Price,
        run: Run,
        lowest_30_days: Price.meta({ description: 'the lowest price in force during the 30 days before this change' }),
      }),
    ),
  }),
  lowest_30_days: z
    .object({ before: Timestamp, price: Price })
    .meta({ description: 'the prior price of Directive 98/6/EC, Article 6a (Omnibus) for a reduction on that date' }),
  unobserved: z.array(z.object({ from: Timestamp, to: Timestamp, reason: z.string() })).meta({
    description: 'spans of the period in which nothing was observed; prices before them count as still in force',
  }),
});
export type PriceReport = z.output<typeof PriceReport>;

/** Why a product's offers could not be read. */
export const FAILURES = [
  'not_found',
  'refused',
  'unauthorized',
  'garbage',
  'busy',
  'unavailable',
  'slow',
  'not_tried',
] as const;
export type Failure = (typeof FAILURES)[number];

/** What came of some products in a refresh. */
export const Totals = z.object({
  products: z.int(),
  refreshed: z.int().meta({ description: 'their offers were read' }),
  changed: z.int().meta({ description: 'of those, something was new' }),
  failed: z.int(),
  failures: z.partialRecord(z.enum(FAILURES), z.int()).meta({ description: 'the failed ones by reason' }),
});
export type Totals = z.output<typeof Totals>;

/** A refresh of the offers of all products. */
export const RefreshRun = Totals.extend({
  id: Uuid,
  state: z.enum(['running', 'done', 'incomplete']).meta({
    description: 'incomplete: a part of it was not worked on within two minutes; the next run does it again',
  }),
  started_at: Timestamp,
  ended_at: Timestamp.nullable(),
  duration_seconds: z.number().nullable(),
});
export type RefreshRun = z.output<typeof RefreshRun>;

/** What a worker has to know of a product to tell without a read whether anything is new. */
export const Watched = z.object({ id: z.string(), digest: z.string(), failing: z.boolean() });
export type Watched = z.output<typeof Watched>;

/** A part of a refresh: the products of one partition of the index over all that are watched. */
export const RefreshSegment = z.object({ run: z.string(), started_at: z.string(), segment: z.int() });
export type RefreshSegment = z.output<typeof RefreshSegment>;

/** A page of a segment: some of its products. */
export const RefreshPage = RefreshSegment.extend({
  /** Number of this page within the segment, and how many there are. */
  page: z.int(),
  pages: z.int(),
  products: z.array(Watched),
});
export type RefreshPage = z.output<typeof RefreshPage>;

/** What the offers service says of a product's offers. Other members of its answer are not taken. */
export const ServiceOffers = z
  .array(z.object({ id: z.guid().toLowerCase(), price: UnitPrice, items_in_stock: z.int().min(0) }))
  .max(1_000)
  .refine((offers) => new Set(offers.map(({ id }) => id)).size === offers.length, 'the ids must be unique');
export type ServiceOffers = z.output<typeof ServiceOffers>;
