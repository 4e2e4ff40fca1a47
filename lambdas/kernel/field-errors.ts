import type * as z from 'zod';
import type { FieldError } from './problem';

/** How to parse so that issues say what they were given. */
export const REPORTING = { reportInput: true } as const;

/** As many as anybody mends at once; an answer has to stay below Lambda's 6 MB, whatever was sent. */
const MOST = 100;

const messageOf = (issue: z.core.$ZodIssue): string =>
  'input' in issue && issue.input === undefined ? 'is required' : issue.message;

/** Each field at fault, from what was parsed with `REPORTING`. */
export const fieldErrors = (error: z.ZodError): FieldError[] =>
  error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'is not a known field' }))
      : [{ path: issue.path.join('.'), message: messageOf(issue) }],
  );

/** The first so many, and a last one that says how many more there are. */
export const bounded = (errors: FieldError[], most = MOST): FieldError[] => {
  const more = errors.length - most;
  return more > 0 ? [...errors.slice(0, most), { path: '', message: `and ${more} more` }] : errors;
};
