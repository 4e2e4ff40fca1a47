import { sendService } from './send';
import { standIn } from './stand-in';

export const handler = standIn('send', sendService);
