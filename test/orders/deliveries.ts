import type { ServerResponse } from 'node:http';
import { now } from '../../lambdas/kernel/clock';
import { setFault } from '../support/faults';
import { platform } from '../support/platform';
import { closeReceivers, DELIVERIES, messageTo, PROCESS, queued, read } from './shop';

/** What a receiver answers. */
export const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(code, headers).end('so it is');

/** Seconds from the end of the last attempt to the next. */
export const wait = ({ updated_at, next_attempt_at }: { updated_at: string; next_attempt_at: string }) =>
  (Date.parse(next_attempt_at) - Date.parse(updated_at)) / 1_000;

/** The private orders of a test, whose deliveries are attempted when the test says so. */
export async function openDeliveries() {
  const on = await platform('orders');
  const operator = await on.callers.user('operator');

  return {
    on,
    operator,

    /** A delivery to an address, not yet attempted. */
    async delivery(url: string) {
      const { body } = await on.api('POST', PROCESS, { body: messageTo(url) }, operator);
      const id = `msg_${body.task_id}`;
      const look = () => read(on, operator, `${DELIVERIES}${id}/`);
      let turn = 0;
      return {
        id,
        look,
        /** Lets the turn come, whenever it is due. */
        async attempt(environment: Record<string, string> = {}) {
          turn += 1;
          await on.run('Orders/Callback/Function', queued({ id, turn }), environment);
          return look();
        },
      };
    },

    /** Takes back what a test did to functions, calls to AWS and the clock. */
    async restore(): Promise<void> {
      jest.restoreAllMocks();
      setFault(undefined);
      if (now().getTime() - Date.now() > 1_000) await on.moveClock(0);
    },

    async close(): Promise<void> {
      closeReceivers();
      await on.close();
    },
  };
}
export type Deliveries = Awaited<ReturnType<typeof openDeliveries>>;
