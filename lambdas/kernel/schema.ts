import * as z from 'zod';

export const Uuid = z.uuid().meta({ examples: ['0199f3a2-7c1e-7b60-8f0a-2f6e3c1b9a55'] });

const RFC_3339 = /^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})?)?$/;

/** A point in time: RFC 3339 in (with an offset, or without one and then UTC), UTC with milliseconds and `Z` out. */
export const Timestamp = z
  .string()
  .max(40)
  .transform((text, context) => {
    const zoned = /([Zz]|[+-]\d{2}:?\d{2})$/.test(text.slice(10)) || text.length === 10 ? text : `${text}Z`;
    const time = RFC_3339.test(text) ? Date.parse(zoned.replace(' ', 'T')) : Number.NaN;
    // Date.parse rolls February 30 over instead of refusing it
    const rolled =
      !Number.isNaN(time) && new Date(`${text.slice(0, 10)}T00:00:00Z`).getUTCDate() !== Number(text.slice(8, 10));
    const utc = Number.isNaN(time) ? '' : new Date(time).toISOString();
    // an offset may lead out of the years that four digits can name
    if (rolled || !/^\d{4}-/.test(utc)) {
      context.addIssue({ code: 'custom', message: 'expected a time like 2026-01-31T12:00:00Z' });
      return z.NEVER;
    }
    return utc;
  })
  .pipe(z.string())
  .meta({ format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] });

/** Text for people: trimmed, not empty, without control characters other than tab and line ends. */
export const Text = (maxLength: number) =>
  z
    .string()
    .max(maxLength)
    .refine((text) => text.isWellFormed(), 'expected well-formed Unicode')
    .regex(/^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$/, 'control characters are not allowed')
    .trim()
    .min(1, 'must not be empty');

/** One line of text: as `Text`, without line ends. */
export const Line = (maxLength: number) => Text(maxLength).regex(/^[^\r\n]*$/, 'must be one line');

/** The query of every list. */
export const PageQuery = z.object({
  limit: z.coerce.number<number>().int().min(1).max(200).default(50).meta({ description: 'results per page' }),
  cursor: z.string().max(4_000).optional().meta({ description: 'from `next` of the page before' }),
});
export type PageQuery = z.output<typeof PageQuery>;

/** A page of a list: `next` is the path of the page after it below the base address, null on the last. */
export const Page = <T extends z.ZodType>(item: T) => z.object({ results: z.array(item), next: z.string().nullable() });
export interface Page<T> {
  results: T[];
  next: string | null;
}
