import { ConditionFailed } from './commit';
import { busy } from './problem';

const ATTEMPTS = 8;

/**
 * What a read-change-write gives, run again from its read when somebody else wrote in between.
 * @throws Problem 503 when others were faster eight times
 */
export async function untilWritten<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tried = 0; tried < ATTEMPTS; tried++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
    }
  }
  throw busy('the same record is being changed by others, try again');
}
