import * as z from 'zod';
import { Timestamp, Uuid } from '../kernel/schema';
import { Attempt } from './schema';

/** Clients and mailings are the operators' alone. */
export const operator = { roles: ['operator'] } as const;

export const LogLine = z.object({
  at: Timestamp,
  mailing: Uuid,
  message: Uuid.optional(),
  client: Uuid.optional(),
  what: z.string(),
  attempt: Attempt.optional(),
});
