import { httpApi } from '../kernel/http';
import { analytics, analyticsOf } from './analytics';
import { books, countReceipts } from './books';
import { listClosings, startClosing } from './closing';
import { ReceiptsContract } from './contract';
import { accept, record } from './door';
import { listReceipts } from './list';
import { getPlace, listPlaces } from './places';
import { getReceipt } from './receipts';
import { findSetAside, listSetAside, putBack } from './set-aside';

export const handler = httpApi(ReceiptsContract, {
  acceptReceipts: ({ body, idempotency }) => accept(body, idempotency),
  recordReceipt: record,
  listReceipts,
  getReceipt: ({ params }) => getReceipt(params.transaction_id),
  listSetAside,
  getSetAside: ({ params }) => findSetAside(params.id),
  putBack: ({ params, body }) => putBack(params.id, body?.payload),
  listPlaces,
  getPlace: ({ params }) => getPlace(params.place_id),
  getAnalytics: analytics,
  getPlaceAnalytics: ({ params, query }) => analyticsOf(params.place_id, query),
  listClosings,
  startClosing,
  countReceipts,
  getBooks: books,
});
