import type { HttpApi } from './http-api';
import type { LambdaFunction } from './lambda-function';
import type { Stage } from './stage';

export interface Neighbour {
  /** The function's environment variable for the service's address, as kernel's `findNeighbour` reads it. */
  variable: string;
  /** The address that the deployer set, if one was. */
  url: string | undefined;
}

/**
 * Lets a function that the API does not call reach an outside service: at the address that was set, else at its stand-in.
 * @returns false when there is neither, so that whatever calls the service had better not be switched on
 */
export function reach(caller: LambdaFunction, { variable, url }: Neighbour, api: HttpApi, stage: Stage): boolean {
  if (url) caller.addEnvironment(variable, url);
  else if (stage.sandbox) api.reachableBy(caller, stage);
  return Boolean(url) || stage.sandbox;
}
