import { contract } from '../kernel/contract';
import { Page, Uuid } from '../kernel/schema';
import { LogLine, operator } from './routes';
import { IdPath, Mailing, Message, MessagePath, MessageQuery } from './schema';

/** What became of each message of a mailing. */
export const messageRoutes = contract({
  listMessages: {
    method: 'GET',
    path: '/api/mailings/{id}/messages/',
    summary: "List a mailing's messages",
    description: 'With the attempts of each and why it is not sent yet. Those changed last or due last come first.',
    access: operator,
    params: IdPath,
    query: MessageQuery,
    status: 200,
    returns: Page(Message),
  },
  getMessage: {
    method: 'GET',
    path: '/api/mailings/{id}/messages/{message}/',
    summary: 'Read a message',
    access: operator,
    params: MessagePath,
    status: 200,
    returns: Message,
  },
  retryMessages: {
    method: 'POST',
    path: '/api/mailings/{id}/messages/retry/',
    summary: 'Put the failed messages back',
    access: operator,
    params: IdPath,
    changes: ['mailing', 'id'],
    status: 202,
    returns: Mailing,
    refuses: { 409: 'The mailing has ended, was cancelled or has not begun.' },
  },
  getMailingLog: {
    method: 'GET',
    path: '/api/mailings/{id}/log/',
    summary: 'Read the log of a mailing',
    description:
      'The last 50 operations on it; of each message the first five and the last 20 requests to the send service, with their ' +
      'answers. All others are in the logs of the functions. Of one message or client where that is said.',
    access: operator,
    params: IdPath,
    query: MessageQuery.extend({ message: Uuid.optional(), client: Uuid.optional() }),
    status: 200,
    returns: Page(LogLine),
  },
});
