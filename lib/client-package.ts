import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import ts from 'typescript';
import { dependencies, version } from '../package.json';
import { consoleOperations } from './console-operations';

const ROOT = resolve(__dirname, '..');
const ENTRY = join(ROOT, 'client/mercato.ts');

const PACKAGE = {
  name: 'mercato-client',
  version,
  description: "A typed client of Mercato's API, made from its contracts",
  license: 'MIT',
  type: 'module',
  exports: { '.': { types: './types/client/mercato.d.ts', default: './mercato.js' } },
};

const routes = () =>
  Object.fromEntries(
    Object.entries(consoleOperations()).map(([name, { method, path, idempotent, consumes }]) => [
      name,
      { method, path, ...(idempotent && { idempotent }), ...(consumes && { consumes }) },
    ]),
  );

/** The declarations of the client, and of the contracts that its types come from. */
function writeTypes(outDir: string): void {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [ENTRY] }, ts.sys, ROOT);
  const { incremental: _, tsBuildInfoFile: __, ...kept } = options;
  const program = ts.createProgram([ENTRY], {
    ...kept,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: ROOT,
    outDir,
  });
  const { diagnostics } = program.emit();
  const [first] = diagnostics;
  if (first) throw new Error(ts.flattenDiagnosticMessageText(first.messageText, '\n'));
}

/** Writes the client as a package: an ES module that needs nothing, and its types, which need zod. */
export async function writeClient(directory = join(ROOT, 'client/dist')): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  await build({
    entryPoints: [ENTRY],
    outdir: directory,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    define: { ROUTES: JSON.stringify(routes()) },
    logLevel: 'warning',
  });
  writeTypes(join(directory, 'types'));
  const peerDependencies = { zod: dependencies.zod };
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify({ ...PACKAGE, peerDependencies }, null, 2)}\n`);
}
