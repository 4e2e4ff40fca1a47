import { clientOf, type Mercato, type Settings } from './client';
import type { Routes } from './operations';
import { MercatoProblem } from './problem';

/** Set by the build: made from the contracts. */
declare const ROUTES: Routes;

/** A client of the API at a base address, with a method for each of its operations. */
const mercato = (url: string, settings?: Settings): Mercato => clientOf(ROUTES, url, settings);

export { type Mercato, MercatoProblem, mercato, type Settings };
