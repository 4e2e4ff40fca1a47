import { env, findEnv } from './env';

/**
 * The own API's base address, without a trailing slash. On an emulator each function reaches it through the emulator's
 * address, which is known to the function alone.
 */
export const ownApiUrl = (): string =>
  findEnv('API_URL') ?? `${env('AWS_ENDPOINT_URL')}/_aws/execute-api/${env('API_ID')}/${env('API_STAGE')}`;

/** The base address of an outside service: what the deployer set, else its stand-in; undefined when there is neither. */
export const findNeighbour = (variable: string, standIn: string): string | undefined =>
  findEnv(variable) ?? (findEnv('API_URL') || findEnv('API_ID') ? `${ownApiUrl()}/sandbox/${standIn}` : undefined);
