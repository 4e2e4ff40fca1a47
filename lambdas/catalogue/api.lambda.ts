import { httpApi } from '../kernel/http';
import { CatalogueContract } from './contract';
import { listOffers } from './offers';
import { getPrices } from './prices';
import { addProduct, changeProduct, getProduct, listProducts, removeProduct, replaceProduct } from './products';
import { getRegistration } from './registration';
import { getRun, listRefreshes, startRun } from './runs';

export const handler = httpApi(CatalogueContract, {
  listProducts,
  addProduct,
  getProduct,
  replaceProduct,
  changeProduct,
  removeProduct,
  listOffers,
  getPrices,
  getRegistration,
  listRefreshes,
  getRun,
  startRun,
});
