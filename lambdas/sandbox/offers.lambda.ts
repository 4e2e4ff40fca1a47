import { offers } from './offers';
import { standIn } from './stand-in';

// no offers at all is an answer that the service may give, an empty body is not
export const handler = standIn('offers', offers, { empty: '' });
