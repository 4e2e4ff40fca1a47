import * as z from 'zod';
import { contract } from '../kernel/contract';

export const ConsoleContract = contract({
  checkHealth: {
    method: 'GET',
    path: '/healthz',
    summary: 'Whether the API answers',
    access: 'public',
    status: 200,
    returns: z.object({ status: z.literal('ok') }).meta({ examples: [{ status: 'ok' }] }),
  },
  getOpenApi: {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    description: 'OpenAPI 3.1, made from the schemas that check every request.',
    access: 'public',
    status: 200,
    returns: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }),
  },
});
