import { relay } from './relay';

export const handler = relay;
