import { join } from 'node:path';
import { website } from './web';

export const handler = website(join(__dirname, 'site'));
