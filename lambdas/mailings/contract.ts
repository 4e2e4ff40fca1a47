import { clientRoutes } from './client-routes';
import { lookUpRoutes } from './look-up-routes';
import { mailingRoutes } from './mailing-routes';
import { messageRoutes } from './message-routes';

/** The HTTP face of the context. */
export const MailingsContract = { ...clientRoutes, ...mailingRoutes, ...messageRoutes, ...lookUpRoutes };
