import * as z from 'zod';
import { contract } from '../kernel/contract';
import { Page, PageQuery, Uuid } from '../kernel/schema';
import {
  NewProduct,
  Offer,
  OffersQuery,
  PriceReport,
  PricesQuery,
  Product,
  ProductChange,
  ProductQuery,
  RefreshRun,
  Registration,
} from './schema';

const PRODUCTS = '/api/products/';
const RUNS = '/api/catalogue/runs/';

const user = { user: true } as const;
const operator = { roles: ['operator'] } as const;
const one = z.object({ id: Uuid });

/** Browsers ask again each time (304 when nothing is new), a CDN after half a minute: prices move once a minute. */
const SHARED = 'public, max-age=0, s-maxage=30, stale-while-revalidate=30';

const OTHERS = 'it is the product of somebody else';
const LOST_UPDATE = 'it was changed since the `If-Match` given was read';

export const CatalogueContract = contract({
  listProducts: {
    method: 'GET',
    path: PRODUCTS,
    summary: 'Browse products',
    access: 'public',
    query: ProductQuery,
    status: 200,
    returns: Page(Product),
    cache: SHARED,
  },
  addProduct: {
    method: 'POST',
    path: PRODUCTS,
    summary: 'Add a product',
    description:
      'It is registered with the offers service by itself: `/api/registrations/{id}/` tells how far that is.',
    access: user,
    body: NewProduct,
    changes: ['product', 'id'],
    status: 201,
    returns: Product,
    idempotent: true,
  },
  getProduct: {
    method: 'GET',
    path: `${PRODUCTS}{id}/`,
    summary: 'One product',
    access: 'public',
    params: one,
    status: 200,
    returns: Product,
    cache: SHARED,
  },
  replaceProduct: {
    method: 'PUT',
    path: `${PRODUCTS}{id}/`,
    summary: 'Replace name and description',
    access: user,
    params: one,
    body: NewProduct,
    changes: ['product', 'id'],
    status: 200,
    returns: Product,
    refuses: { 403: OTHERS, 412: LOST_UPDATE },
  },
  changeProduct: {
    method: 'PATCH',
    path: `${PRODUCTS}{id}/`,
    summary: 'Change name or description',
    access: user,
    params: one,
    body: ProductChange,
    changes: ['product', 'id'],
    status: 200,
    returns: Product,
    refuses: { 403: OTHERS, 412: LOST_UPDATE },
  },
  removeProduct: {
    method: 'DELETE',
    path: `${PRODUCTS}{id}/`,
    summary: 'Delete a product with its offers',
    access: user,
    params: one,
    changes: ['product', 'id'],
    status: 204,
    refuses: { 403: OTHERS, 412: LOST_UPDATE },
  },
  listOffers: {
    method: 'GET',
    path: `${PRODUCTS}{id}/offers/`,
    summary: 'The current offers of a product, cheapest first',
    access: 'public',
    params: one,
    query: OffersQuery,
    status: 200,
    returns: Page(Offer),
    cache: SHARED,
  },
  getPrices: {
    method: 'GET',
    path: `${PRODUCTS}{id}/prices/`,
    summary: 'How the prices of a product moved',
    description:
      'Of each offer and of the lowest price of those in stock: the price in force at both ends of the period, the changes inside it, rise or fall in percent, and the lowest price of the 30 days before any date.',
    access: 'public',
    params: one,
    query: PricesQuery,
    status: 200,
    returns: PriceReport,
    cache: SHARED,
  },
  getRegistration: {
    method: 'GET',
    path: '/api/registrations/{id}/',
    summary: 'How far the registration of a product with the offers service is',
    description: "It has the product's id. For the product's owner and operators.",
    access: user,
    params: one,
    status: 200,
    returns: Registration,
  },
  listRefreshes: {
    method: 'GET',
    path: RUNS,
    summary: 'The refreshes of all offers, newest first',
    access: operator,
    query: PageQuery,
    status: 200,
    returns: Page(RefreshRun),
  },
  getRun: {
    method: 'GET',
    path: `${RUNS}{id}/`,
    summary: 'One refresh, with what it has done so far',
    access: operator,
    params: one,
    status: 200,
    returns: RefreshRun,
  },
  startRun: {
    method: 'POST',
    path: RUNS,
    summary: 'Refresh the offers of all products now',
    access: operator,
    changes: ['offer_run', 'id'],
    status: 202,
    returns: RefreshRun,
    idempotent: true,
  },
});

export type Operations = typeof CatalogueContract;
