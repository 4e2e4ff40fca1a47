import { AuditContract } from '../audit/contract';
import { BulkContract } from '../bulk/contract';
import { CatalogueContract } from '../catalogue/contract';
import { IdentityContract } from '../identity/contract';
import type { Contract } from '../kernel/contract';
import { MailingsContract } from '../mailings/contract';
import { OperationsContract } from '../operations/contract';
import { OrdersContract } from '../orders/contract';
import { ProfilesContract } from '../profiles/contract';
import { ReceiptsContract } from '../receipts/contract';
import { ConsoleContract } from './contract';

/** A context as its callers see it. */
export interface ContextFace {
  name: string;
  about: string;
  contract: Contract;
}

/** All contexts with an HTTP face, in the order in which the documentation shows them. */
export const CONTEXTS = [
  {
    name: 'identity',
    about: 'Users, tokens and API keys: who may call what.',
    contract: IdentityContract,
  },
  {
    name: 'orders',
    about: 'Orders, the tasks that work on them, and the webhooks that carry the results back.',
    contract: OrdersContract,
  },
  {
    name: 'profiles',
    about: 'Users, addresses and credit cards from the Random Data API, linked, and the runs that fetch them.',
    contract: ProfilesContract,
  },
  {
    name: 'receipts',
    about: 'Receipts of shops, each counted exactly once, and what they add up to.',
    contract: ReceiptsContract,
  },
  {
    name: 'mailings',
    about: 'Clients, mailings to them through an outside send service, and what became of each message.',
    contract: MailingsContract,
  },
  {
    name: 'catalogue',
    about: 'Products, their offers and how prices moved.',
    contract: CatalogueContract,
  },
  {
    name: 'bulk',
    about: 'One action on many things, tried first, then in pieces with progress.',
    contract: BulkContract,
  },
  {
    name: 'audit',
    about: 'Who changed what, when, and how it was before: of everything that is changed by HTTP, in any context.',
    contract: AuditContract,
  },
  {
    name: 'operations',
    about: 'What operators look at and do: lanes, dead letters, schedules, tasks over time, search, metrics.',
    contract: OperationsContract,
  },
  { name: 'console', about: 'The pages, this document and the health of the API.', contract: ConsoleContract },
] as const satisfies readonly ContextFace[];
