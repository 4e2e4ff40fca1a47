import * as z from 'zod';
import { Uuid } from '../kernel/schema';

export const operator = { roles: ['operator'] } as const;

export const TaskPath = z.object({ task_id: Uuid });

export const LOST_UPDATE = 'it was changed since the `If-Match` given was read';
