import { queueHandler } from '../kernel/batch';
import { deliver } from './deliver';
import { DeliveryTurn } from './deliveries';

export const handler = queueHandler('deliveries', DeliveryTurn, deliver);
