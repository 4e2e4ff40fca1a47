import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Copy, copyOfMercato, freePort } from './copy';

const STACK_TRACE = /^\s+at .+:\d+:\d+\)?$/m;

let copy: Copy;
let port: number;
beforeEach(async () => {
  copy = copyOfMercato();
  port = await freePort();
});
afterEach(() => copy.remove());

async function troubleOf(command: string, env: Record<string, string> = {}, nodeArgs?: string[]): Promise<string> {
  const { code, out, err } = await copy.run(command, { MERCATO_PORT: String(port), ...env }, nodeArgs);
  expect(err + out).not.toMatch(STACK_TRACE);
  expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/\S/) });
  return err;
}

test('an old Node.js is told apart before anything else', async () => {
  const old = join(copy.root, 'old.cjs');
  writeFileSync(old, `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.8.1' } })`);
  expect(await troubleOf('start', {}, ['--require', old])).toContain('needs Node.js 20.9 or newer');
});

test('info says that nothing runs, and prints nothing for programs', async () => {
  const { code, out, err } = await copy.run('info', { MERCATO_PORT: String(port) });
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toContain(`not running on port ${port}`);
});

test('info and down install nothing', async () => {
  const clone = copyOfMercato({ packages: false });
  try {
    for (const command of ['info', 'down']) {
      const { code, err } = await clone.run(command);
      expect(code).toBe(1);
      expect(err).toContain('npm start');
    }
  } finally {
    clone.remove();
  }
});

test('a port that another program has', async () => {
  const server = createServer((_, response) => response.end('{}'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  port = (server.address() as AddressInfo).port;
  try {
    expect(await troubleOf('up')).toMatch(new RegExp(`Port ${port} is taken(.|\n)+MERCATO_PORT=4566 npm start`));
  } finally {
    server.close();
  }
});

test('a port that is none; the environment goes before .env', async () => {
  writeFileSync(join(copy.root, '.env'), 'MERCATO_PORT=http\n');
  expect((await copy.run('info')).err).toContain('MERCATO_PORT is "http"');
  expect(await troubleOf('info')).toContain(`not running on port ${port}`);
});

test('neither Python nor Docker', async () => {
  expect(await troubleOf('up')).toMatch(/neither Python 3\.10 or newer nor a running Docker engine/);
});

test("a lock whose process is another program by now is nobody's", async () => {
  const other = spawn('sleep', ['60']);
  try {
    mkdirSync(join(copy.root, '.mercato', String(port)), { recursive: true });
    writeFileSync(join(copy.root, '.mercato', String(port), 'up.lock'), String(other.pid));
    expect(await troubleOf('up')).toMatch(/neither Python/);
  } finally {
    other.kill();
  }
});

test('a Python that is too old is no Python', async () => {
  copy.program('python3', 'echo False');
  expect(await troubleOf('up')).toMatch(/neither Python/);
});

test('a Python without venv', async () => {
  copy.program('python3', 'test "$1" = -c && echo True && exit; echo "ensurepip is not available"; exit 1');
  expect(await troubleOf('up')).toMatch(/cannot make virtual environments(.|\n)+python3-venv/);
});

test('no network for the emulator; the half-made environment is made again', async () => {
  copy.program(
    'python3',
    `test "$1" = -c && echo True && exit
     test -e "$3" && echo "the old one is still there" && exit 1
     mkdir -p "$3/bin"; echo made >>"$3/../made"
     printf '#!/bin/sh\\necho "NewConnectionError: Failed to establish a new connection"\\nexit 1\\n' >"$3/bin/python"
     cp "$3/bin/python" "$3/bin/pip"; chmod +x "$3/bin/python"`,
  );
  for (const _ of [1, 2]) expect(await troubleOf('up')).toMatch(/index does not answer(.|\n)+Connect to the network/);
  expect(readFileSync(join(copy.root, '.mercato', 'made'), 'utf8')).toBe('made\nmade\n');
});

test('without Python, Docker starts LocalStack; what Docker cannot do is said', async () => {
  // what is there while it starts is what `down` goes by
  copy.program(
    'docker',
    `echo "$@" >>"${copy.root}/calls"; test "$1" = info && exit
     ls "${copy.root}/.mercato/${port}" >"${copy.root}/there"; echo "no such image"; exit 1`,
  );
  expect(await troubleOf('up')).toContain('Docker could not start LocalStack: no such image');
  expect(readFileSync(join(copy.root, 'calls'), 'utf8')).toMatch(/compose -f .+localstack-compose\.yml .+ up -d\n$/);
  expect(readFileSync(join(copy.root, 'there'), 'utf8')).toMatch(/^localstack$/m);
  expect((await copy.run('down', { MERCATO_PORT: String(port) })).out).toBe(`Nothing runs on port ${port}.\n`);
});

test('a LocalStack that cannot be stopped, for Docker was quit', async () => {
  mkdirSync(join(copy.root, '.mercato', String(port)));
  writeFileSync(join(copy.root, '.mercato', String(port), 'localstack'), '');
  copy.program('docker', 'echo "Cannot connect to the Docker daemon"; exit 1');
  expect(await troubleOf('down')).toMatch(/could not stop LocalStack: Cannot connect(.|\n)+Start Docker/);
});

test('an emulator that does not come up', async () => {
  copy.program(
    'python3',
    `test "$1" = -c && echo True && exit
     mkdir -p "$3/bin"
     printf '#!/bin/sh\\ntest "$3" = pip && exit\\necho "no module named ministack" >&2\\nexit 1\\n' >"$3/bin/python"
     chmod +x "$3/bin/python"; cp "$3/bin/python" "$3/bin/pip"; sed -i.bak 's/"$3" = pip/"$2" = pip/' "$3/bin/python"`,
  );
  expect(await troubleOf('up')).toMatch(/did not start: no module named ministack(.|\n)+ministack\.log/);
});

test('a stack that does not build', async () => {
  copy.emulatorInstalled();
  writeFileSync(join(copy.root, 'bin', 'app.ts'), `throw new Error('no such queue')`);
  expect(await troubleOf('up')).toMatch(/could not be built(.|\n)+no such queue/);
  expect((await copy.run('down', { MERCATO_PORT: String(port) })).out).toContain('Stop the emulator');
});

test('down ends no process that only has the recorded number', async () => {
  const stranger = spawn('sleep', ['60']);
  try {
    mkdirSync(join(copy.root, '.mercato', String(port)));
    writeFileSync(join(copy.root, '.mercato', String(port), 'ministack.pid'), String(stranger.pid));
    const { code, out } = await copy.run('down', { MERCATO_PORT: String(port) });
    expect({ code, out }).toEqual({ code: 0, out: `Nothing runs on port ${port}.\n` });
    expect({ code: stranger.exitCode, signal: stranger.signalCode }).toEqual({ code: null, signal: null });
  } finally {
    stranger.kill();
  }
});
