import { MercatoProblem } from '../client/problem';

/** What went wrong, for people. */
export const reasonOf = (error: unknown): string => (error instanceof MercatoProblem ? error.detail : 'no answer');

/** The status of the answer, if there was one. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof MercatoProblem ? error.status : undefined;
