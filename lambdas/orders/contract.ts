import { deliveryRoutes } from './delivery-routes';
import { orderRoutes } from './order-routes';
import { taskResultRoutes } from './task-result-routes';
import { taskRoutes } from './task-routes';

/** The HTTP face of the context. */
export const OrdersContract = { ...orderRoutes, ...taskResultRoutes, ...taskRoutes, ...deliveryRoutes };

export type Operations = typeof OrdersContract;
