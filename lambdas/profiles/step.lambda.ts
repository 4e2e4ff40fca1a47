import { queueHandler } from '../kernel/batch';
import { RunStep } from './run-items';
import { takeStep } from './runs';

/** A step's own bounded attempts fit into this; its function has a minute. */
const STEP_MS = 50_000;

export const handler = queueHandler('profile runs', RunStep, (step) => {
  const until = Date.now() + STEP_MS;
  return takeStep(step, () => until - Date.now());
});
