import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/**
 * A copy of Mercato's commands in a directory of its own, with an app that builds nothing unless one is given. Without
 * `packages` it is as `git clone` leaves it.
 */
export function copyOfMercato({ packages = true, app = '' } = {}) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'mercato-copy-')));
  for (const part of ['bin', 'lambdas/kernel/names.ts'])
    cpSync(join(ROOT, part), join(root, part), { recursive: true });
  for (const file of ['cdk.json', 'package.json', 'package-lock.json', 'requirements.txt', 'localstack-compose.yml']) {
    cpSync(join(ROOT, file), join(root, file));
  }
  if (app) cpSync(app, join(root, 'bin', 'app.ts'));
  else writeFileSync(join(root, 'bin', 'app.ts'), '');
  if (packages) symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  mkdirSync(join(root, '.mercato'));
  mkdirSync(join(root, 'path'));

  function start(args: string[], env: Record<string, string> = {}) {
    const child = spawn(process.execPath, args, {
      cwd: tmpdir(),
      // `npm_execpath` of the running tests would lead to the machine's npm
      env: { HOME: root, PATH: join(root, 'path'), NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const printed = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed.out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.err += text));
    const ended = new Promise<Ended>((done) => child.on('close', (code) => done({ code, ...printed })));
    return { child, printed, ended };
  }
  const commandsOf = (args: string[], nodeArgs: string[] = []) => [
    ...nodeArgs,
    join(root, 'bin', 'mercato.cjs'),
    ...args,
  ];

  return {
    root,
    /** A program that the commands find by its name; they find no other. */
    program(name: string, script: string): void {
      const file = join(root, 'path', name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
      chmodSync(file, 0o755);
    },
    /** The virtual environment that the tests' own emulator runs in, so that none is made anew. */
    emulatorInstalled(): void {
      const venv = join(ROOT, '.mercato', 'venv');
      if (!existsSync(venv)) throw new Error(`${venv} is made before the tests`);
      symlinkSync(venv, join(root, '.mercato', 'venv'));
    },
    start: (command: string, env?: Record<string, string>) => start(commandsOf([command]), env),
    run: (command: string, env?: Record<string, string>, nodeArgs?: string[]) =>
      start(commandsOf([command], nodeArgs), env).ended,
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

export type Copy = ReturnType<typeof copyOfMercato>;
