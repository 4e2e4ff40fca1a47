import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Copy, copyOfMercato } from './copy';

type Lockfile = { packages: Record<string, { version: string; optional?: boolean; optionalDependencies?: object }> };

const WANTED: Lockfile = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/a': { version: '1.0.0' },
    'node_modules/for-another-platform': { version: '1.0.0', optional: true },
  },
};

let clone: Copy;
const calls = () => {
  const file = join(clone.root, 'calls');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
};

/** Stands for npm ci: empties the directory, puts the one package there, writes npm's own record last. */
const NPM = `
echo "$@" >>../calls 2>/dev/null || true
mkdir -p node_modules; rm -rf node_modules/* node_modules/.package-lock.json; mkdir node_modules/a; echo '{}' >node_modules/a/package.json
printf '{"packages":{"node_modules/a":{"version":"1.0.0"}}}' >node_modules/.package-lock.json`;

beforeEach(() => {
  clone = copyOfMercato({ packages: false });
  writeFileSync(join(clone.root, 'package-lock.json'), JSON.stringify(WANTED));
  clone.program('npm', NPM.replace('../calls', join(clone.root, 'calls')));
});
afterEach(() => clone.remove());

test('installs once, and again only when something is missing or out of step', async () => {
  const install = async () => {
    expect(await clone.run('install')).toMatchObject({ code: 0, err: '' });
    return calls().length;
  };
  expect(await install()).toBe(1);
  expect(await install()).toBe(1);

  rmSync(join(clone.root, 'node_modules', '.package-lock.json')); // as an interrupted install leaves it
  expect(await install()).toBe(2);

  rmSync(join(clone.root, 'node_modules', 'a'), { recursive: true });
  expect(await install()).toBe(3);

  const record = join(clone.root, 'node_modules', '.package-lock.json');
  writeFileSync(record, readFileSync(record, 'utf8').replace('1.0.0', '0.9.0')); // as before a `git pull`
  expect(await install()).toBe(4);
  expect(calls()[0]).toMatch(/^ci --include=dev /);
});

test('packages behind a link are not touched', async () => {
  const shared = join(clone.root, 'shared');
  mkdirSync(shared);
  writeFileSync(join(shared, 'theirs'), '');
  symlinkSync(shared, join(clone.root, 'node_modules'));
  expect((await clone.run('install')).code).toBe(0);
  expect(readdirSync(shared)).toEqual(['theirs']);
  expect(existsSync(join(clone.root, 'node_modules', 'a'))).toBe(true);
});

test('two commands at once install once; the lock of a dead one is taken over', async () => {
  writeFileSync(join(clone.root, '.mercato', 'install.lock'), '999999999');
  clone.program('npm', `sleep 0.5\n${NPM.replace('../calls', join(clone.root, 'calls'))}`);
  const both = await Promise.all([clone.run('install'), clone.run('install')]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(calls()).toHaveLength(1);
});

test('no network is a sentence', async () => {
  clone.program('npm', 'echo "npm error code ENOTFOUND" >&2; exit 1');
  const { code, err } = await clone.run('install');
  expect(code).toBe(1);
  expect(err).toMatch(/npm registry does not answer(.|\n)+run the same command again/);
});

test('any other failure names npm’s reason and its log', async () => {
  clone.program('npm', 'echo "npm error code EACCES" >&2; echo "npm error permission denied" >&2; exit 1');
  const { code, err } = await clone.run('install');
  expect(code).toBe(1);
  expect(err).toMatch(/could not be installed: permission denied(.|\n)+install\.log/);
  expect(readFileSync(join(clone.root, '.mercato', 'install.log'), 'utf8')).toContain('EACCES');
});

test('package-lock.json has the packages of every platform and no address of a registry', () => {
  const lockfile = resolve(__dirname, '../../package-lock.json');
  const { packages } = JSON.parse(readFileSync(lockfile, 'utf8')) as Lockfile;
  const names = new Set(Object.keys(packages).map((path) => path.split('node_modules/').at(-1)));
  const missing = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
    Object.keys(optionalDependencies).filter((name) => !names.has(name)),
  );
  expect(missing).toEqual([]);
  expect(readFileSync(lockfile, 'utf8')).not.toContain('"resolved"');
});
