import { timestamp } from '../kernel/clock';
import type { Handler } from '../kernel/http';
import { notFound } from '../kernel/problem';
import { table } from '../kernel/table';
import { latestBreaker, readBreaker } from './breaker';
import { getClient, PhoneOwner, phoneKey } from './clients';
import { clientOf, ledger, messageKey, overallTally, StoredMessage } from './ledger';
import type { lookUpRoutes } from './look-up-routes';
import { newestOfEach } from './mailings';
import { shownMessage } from './messages';

type Operations = typeof lookUpRoutes;

export const findClient: Handler<Operations['findClient']> = async ({ params }) => {
  const owner = await table().find(PhoneOwner, phoneKey(params.phone_number));
  if (!owner) throw notFound('client');
  return getClient(owner.client);
};

/** Newest mailings of each partition: a message's id leads to its client only with its mailing. */
const MAILINGS_A_PARTITION = 125;
const KEYS_A_CALL = 100;

/** Four queries, and a call for each hundred mailings. */
export const findMessage: Handler<Operations['findMessage']> = async ({ params: { message } }) => {
  const mailings = await newestOfEach(MAILINGS_A_PARTITION);
  for (let start = 0; start < mailings.length; start += KEYS_A_CALL) {
    const keys = mailings.slice(start, start + KEYS_A_CALL).map(({ id }) => messageKey(id, clientOf(id, message)));
    const [found] = await ledger.findMany(StoredMessage, keys);
    const mailing = found && mailings.find(({ id }) => id === found.mailing);
    if (mailing && found.id === message) return shownMessage(mailing, await readBreaker(mailing.id), found);
  }
  throw notFound('message');
};

/** Nine reads. */
export const getSendingState: Handler<Operations['getSendingState']> = async () => {
  const [messages, { failures, open_until = '' }] = await Promise.all([overallTally(), latestBreaker()]);
  return { messages, service: { failures, open_until: open_until > timestamp() ? open_until : null } };
};
