import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Failed, run } from './child';
import { answers } from './port';
import { Trouble } from './screen.cjs';
import { ROOT } from './settings';

/** There from before this copy starts a LocalStack on the port until it has stopped it. */
const marker = (dir: string): string => join(dir, 'localstack');

export const startedLocalStack = (dir: string): boolean => existsSync(marker(dir));

/** Whether a Docker engine runs here. */
export const dockerRuns = (): Promise<boolean> =>
  run('docker', ['info', '--format', '{{.ServerVersion}}']).then(
    () => true,
    () => false,
  );

const compose = (port: number, dir: string, ...args: string[]): Promise<string> =>
  run('docker', ['compose', '-f', join(ROOT, 'localstack-compose.yml'), '-p', `mercato-${port}`, ...args], {
    log: join(dir, 'localstack.log'),
    // two copies cannot share the fixed ports of LocalStack's extra services, which Mercato does not use
    env: { ...process.env, MERCATO_PORT: String(port), ...(port !== 4566 && { LOCALSTACK_SERVICE_PORTS: '' }) },
  });

const lastLineOf = ({ output }: Failed): string => output.trim().split('\n').at(-1) ?? '';

/** Starts LocalStack in Docker; the first time it downloads the image, which may take minutes. */
export async function startLocalStack(port: number, dir: string): Promise<void> {
  // first: whoever interrupts what follows may leave a container behind
  writeFileSync(marker(dir), '');
  try {
    await compose(port, dir, 'up', '-d');
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    rmSync(marker(dir));
    throw new Trouble(
      `Docker could not start LocalStack: ${lastLineOf(error)}`,
      `It says more in ${join(dir, 'localstack.log')}. The first start needs the network.`,
    );
  }
  for (const deadline = Date.now() + 120_000; !(await answers(port, 'localstack')); await pause(500)) {
    if (Date.now() < deadline) continue;
    throw new Trouble(
      'LocalStack did not come up within two minutes.',
      `Look with: docker compose -p mercato-${port} logs`,
    );
  }
}

/**
 * Stops and removes it; it keeps its data in memory, so they go with it.
 * @throws {Trouble} when Docker does not do so: it may have been quit
 */
export async function stopLocalStack(port: number, dir: string): Promise<void> {
  try {
    await compose(port, dir, 'down');
  } catch (error) {
    throw new Trouble(
      `Docker could not stop LocalStack: ${error instanceof Failed ? lastLineOf(error) : 'there is no docker command'}`,
      `Start Docker and run this again, or, if LocalStack is gone with it, delete ${marker(dir)}.`,
    );
  }
  rmSync(marker(dir), { force: true });
}
