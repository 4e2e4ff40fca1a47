import { connect } from 'node:net';

export type EmulatorKind = 'ministack' | 'localstack';

/** By number, not by name: `localhost` may be ::1, and the SDKs address buckets of an IP address by path. */
export const endpointOf = (port: number): string => `http://127.0.0.1:${port}`;

/** Whether an emulator says at its health path that it is up. */
export const answers = (port: number, kind: EmulatorKind): Promise<boolean> =>
  fetch(`${endpointOf(port)}/_${kind}/health`, { signal: AbortSignal.timeout(5_000) })
    .then(async (response) => response.ok && 'services' in ((await response.json()) as object))
    .catch(() => false);

const listens = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const found = (answer: boolean) => () => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', found(true)).once('timeout', found(false)).once('error', found(false));
  });

/** What answers on a port of this machine: an emulator, something `other`, or nothing. */
export async function whatListens(port: number): Promise<EmulatorKind | 'other' | undefined> {
  if (await listens('127.0.0.1', port)) {
    if (await answers(port, 'ministack')) return 'ministack';
    if (await answers(port, 'localstack')) return 'localstack';
    return 'other';
  }
  // a browser takes `localhost` for ::1 first
  return (await listens('::1', port)) ? 'other' : undefined;
}
