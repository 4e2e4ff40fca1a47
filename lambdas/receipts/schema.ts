import * as z from 'zod';
import { bounded } from '../kernel/field-errors';
import { Money } from '../kernel/money';
import { Line, PageQuery, Timestamp } from '../kernel/schema';
import { textErrors } from '../kernel/text';

/** Receipts of one call at the most: what PutRecords takes at once. */
export const MAX_RECEIPTS = 500;
const MAX_LINES = 100;
/** What is wrong with one receipt is told so many times: an answer holds 6 MB. */
const MAX_ERRORS = 20;
/** Further fields included; keeps an item far from DynamoDB's 400 KB and a batch in Lambda's 6 MB. */
const MAX_BYTES = 16 * 1_024;
/** Sums of 900,000 receipts of this size stay in the safe integers of cents. */
const MAX_AMOUNT = 100_000_000;

export const Id = z
  .string()
  .regex(
    /^[A-Za-z0-9][\w.:~@+-]{0,127}$/,
    'expected at most 128 letters, digits and . : ~ @ + - _ after a letter or digit',
  )
  .meta({ examples: ['6f1c2a52-9d0a-4a43-9c0e-0f3f6a1d7b11'] });

const Amount = Money.refine((text) => Number(text) <= MAX_AMOUNT, `expected at most ${MAX_AMOUNT}.00`).meta({
  description: 'decimal with two places',
  examples: ['50.00'],
});

const ReceiptLine = z
  .looseObject({
    product_id: Id,
    quantity: z
      .int()
      .min(1)
      .max(1_000_000)
      .meta({ examples: [2] }),
    price: Amount,
    category: Line(100)
      .refine((name) => name !== '__proto__', 'expected another name')
      .meta({ examples: ['electronics'] }),
  })
  .refine(({ price, quantity }) => Number(price) * quantity <= MAX_AMOUNT, {
    path: ['quantity'],
    message: `price times quantity is above ${MAX_AMOUNT}.00`,
  });

const EXAMPLE = {
  transaction_id: '6f1c2a52-9d0a-4a43-9c0e-0f3f6a1d7b11',
  timestamp: '2026-01-31T12:00:00.000Z',
  items: [{ product_id: '0b7c1f0e-31b5-4a0a-8d8e-5a2f6f0c9d21', quantity: 2, price: '20.00', category: 'electronics' }],
  total_amount: '40.00',
  nds_amount: '6.67',
  tips_amount: '3.00',
  payment_method: 'credit_card',
  place_id: '4a1f7c60-0d5b-4f0e-9c57-6b0f2f0f7a10',
  place_name: 'Market Square 1',
};

/** How deep further fields may be nested: what reads them again goes into them. */
const MAX_DEPTH = 20;
const isShallow = (value: unknown, depth = 0): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (depth < MAX_DEPTH && Object.values(value).every((one) => isShallow(one, depth + 1)));

/** A receipt as a shop sends it. All of these fields are required; further ones are kept and ignored. */
export const NewReceipt = z
  .looseObject({
    transaction_id: Id.meta({ description: 'names the receipt: whatever comes again under it is the same receipt' }),
    timestamp: Timestamp.refine((text) => /^(19[7-9]|[2-9]\d\d)\d-/.test(text), 'expected a year from 1970 on').meta({
      description: 'the receipt counts in the hour of this time, however late it arrives',
    }),
    items: z.array(ReceiptLine).min(1).max(MAX_LINES),
    total_amount: Amount,
    nds_amount: Amount,
    tips_amount: Amount,
    payment_method: Line(50).meta({ examples: ['credit_card'] }),
    place_id: Id,
    place_name: Line(200).meta({ examples: ['Market Square 1'] }),
  })
  .refine((receipt) => isShallow(receipt), { abort: true, error: `expected at most ${MAX_DEPTH} levels` })
  .refine((receipt) => Buffer.byteLength(JSON.stringify(receipt)) <= MAX_BYTES, `expected at most ${MAX_BYTES} bytes`)
  .meta({ id: 'NewReceipt', examples: [EXAMPLE] });
export type NewReceipt = z.output<typeof NewReceipt>;

export const Refused = z.object({
  index: z.int().meta({ description: 'place in the array, or line, from 0' }),
  transaction_id: z.string().nullable(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })),
});
export type Refused = z.output<typeof Refused>;

/** Each receipt of a call checked by itself: those that are well, and those that are not with every reason. */
export interface Checked {
  receipts: NewReceipt[];
  refused: Refused[];
}

const transactionIdOf = (value: unknown): string | null => {
  const id = typeof value === 'object' && value !== null && (value as Record<string, unknown>)['transaction_id'];
  return typeof id === 'string' ? id.slice(0, 128) : null;
};

function check(values: unknown[]): Checked {
  const receipts: NewReceipt[] = [];
  const refused: Refused[] = [];
  for (const [index, value] of values.entries()) {
    const { data, error } = NewReceipt.safeParse(value);
    const errors = error
      ? error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
      : textErrors(data);
    if (data && !errors.length) receipts.push(data);
    else refused.push({ index, transaction_id: transactionIdOf(value), errors: bounded(errors, MAX_ERRORS) });
  }
  return { receipts, refused };
}

/** One receipt or an array of them; not valid only when none of them is. */
export const NewReceipts = z
  .unknown()
  .transform((value, context): Checked => {
    const many = Array.isArray(value);
    const values = many ? value : [value];
    if (!values.length || values.length > MAX_RECEIPTS) {
      context.addIssue({ code: 'custom', message: `expected 1 to ${MAX_RECEIPTS} receipts, got ${values.length}` });
      return z.NEVER;
    }
    const checked = check(values);
    if (checked.receipts.length) return checked;
    for (const { index, errors } of checked.refused) {
      for (const { path, message } of errors) {
        context.addIssue({ code: 'custom', path: [...(many ? [index] : []), ...(path ? [path] : [])], message });
      }
    }
    return z.NEVER;
  })
  .meta({
    examples: [EXAMPLE],
    override: {
      oneOf: [
        { $ref: '#/components/schemas/NewReceipt' },
        { type: 'array', items: { $ref: '#/components/schemas/NewReceipt' }, minItems: 1, maxItems: MAX_RECEIPTS },
      ],
    },
  });

export const Accepted = z
  .object({
    accepted: z.int().meta({ description: 'stored durably; counted within seconds', examples: [1] }),
    refused: z.array(Refused),
  })
  .meta({ id: 'AcceptedReceipts' });

export const Receipt = z
  .looseObject({
    ...NewReceipt.shape,
    total_mismatch: z.boolean().meta({ description: 'the sum of the items differs from `total_amount`' }),
  })
  .meta({ id: 'Receipt' });

export const ReceiptPath = z.object({ transaction_id: Id });
export const PlacePath = z.object({ place_id: Id });

export const Place = z
  .object({
    place_id: Id,
    place_name: z.string().meta({ description: 'as on the newest receipt', examples: ['Market Square 1'] }),
  })
  .meta({ id: 'Place' });
export type Place = z.output<typeof Place>;

export const AnalyticsQuery = z.object({
  from: Timestamp.optional().meta({ description: 'the beginning; taken down to the full hour or day' }),
  to: Timestamp.optional().meta({ description: 'the end, not included; taken up to the full hour or day' }),
  interval: z.enum(['hour', 'day']).default('day'),
});
export type AnalyticsQuery = z.output<typeof AnalyticsQuery>;
export const AnalyticsListQuery = AnalyticsQuery.extend(PageQuery.shape);

const Count = z.int();
const Sums = {
  total_purchases: Count.meta({ description: 'receipts' }),
  total_amount: Money,
  average_receipt: Money.meta({ description: 'the mean, rounded half up; 0.00 without receipts' }),
  taxes_amount: z.object({ total_nds: Money, total_tips: Money }),
  categories: Count.meta({ description: 'how many there are; shown are the 1,000 at most on which most was spent' }),
  category_analytics: z
    .record(
      z.string(),
      z.object({
        total_spent: Money,
        quantity: Count,
        average_receipt: Money.meta({ description: 'spent on the category by a receipt that has it' }),
      }),
    )
    .meta({ examples: [{ electronics: { total_spent: '40.00', quantity: 2, average_receipt: '40.00' } }] }),
  intervals: z
    .array(
      z.object({
        start: Timestamp,
        purchases: Count,
        total_amount: Money,
        total_nds: Money,
        total_tips: Money,
      }),
    )
    .meta({ description: 'those in which there were receipts, oldest first' }),
};

export const PlaceAnalytics = z.object({ ...Place.shape, ...Sums }).meta({ id: 'PlaceAnalytics' });
export const AllAnalytics = z
  .object({
    total: z.object(Sums).meta({ description: 'the sum over all places' }),
    results: z.array(PlaceAnalytics).meta({ description: 'by place id' }),
    next: z.string().nullable(),
  })
  .meta({ id: 'Analytics' });

export const SetAside = z
  .object({
    id: z.string(),
    shard: z.string(),
    sequence: z.string(),
    reason: z.string(),
    payload: z
      .string()
      .meta({ description: 'as it was, as text, or in base64 when it is none; in lists its first 16,384 letters' }),
    set_aside_at: Timestamp,
    put_back_at: Timestamp.nullable(),
  })
  .meta({ id: 'SetAsideReceipt' });
export type SetAside = z.output<typeof SetAside>;
export const SetAsidePath = z.object({ id: z.string().regex(/^[\w-]{1,300}$/) });

export const PutBack = z
  .object({ payload: z.string().min(1).max(100_000).optional().meta({ description: 'instead of what was set aside' }) })
  .nullable()
  .meta({ examples: [{}] });
