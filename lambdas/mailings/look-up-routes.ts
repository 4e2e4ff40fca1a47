import * as z from 'zod';
import { contract } from '../kernel/contract';
import { Timestamp, Uuid } from '../kernel/schema';
import { operator } from './routes';
import { Client, Counts, Message, PhoneNumber } from './schema';

/** For those who know one thing of what they look for, and for scrapers. */
export const lookUpRoutes = contract({
  findClient: {
    method: 'GET',
    path: '/api/clients/by-phone/{phone_number}/',
    summary: 'Find a client by the phone number',
    access: operator,
    params: z.object({ phone_number: PhoneNumber }),
    status: 200,
    returns: Client,
  },
  findMessage: {
    method: 'GET',
    path: '/api/mailings/messages/{message}/',
    summary: 'Find a message of one of the 500 newest mailings',
    access: operator,
    params: z.object({ message: Uuid }),
    status: 200,
    returns: Message,
  },
  getSendingState: {
    method: 'GET',
    path: '/api/mailings/counts/',
    summary: 'Messages by status over all mailings, and how the send service does',
    access: { ...operator, scopes: ['metrics:read'] },
    status: 200,
    returns: z.object({
      messages: Counts,
      service: z.object({
        failures: z.int().meta({ description: 'in a row' }),
        open_until: Timestamp.nullable().meta({ description: 'nothing is sent before; null while it is used' }),
      }),
    }),
  },
});
