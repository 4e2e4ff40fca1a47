import { randomData } from './random-data';
import { standIn } from './stand-in';

export const handler = standIn('random-data', randomData);
