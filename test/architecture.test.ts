import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { PROBLEM_KINDS } from '../lambdas/console/problem-kinds';
import { dependencies } from '../package.json';

const ROOT = join(__dirname, '..');

interface SourceFile {
  /** From the root of the project, with `/`. */
  path: string;
  source: ts.SourceFile;
  /** Paths of the project's own files that it imports, types included. */
  imports: string[];
  /** Names of the packages whose values it imports. */
  packages: string[];
}

const isTypeOnly = (node: ts.ImportDeclaration): boolean => {
  const { importClause: clause } = node;
  if (!clause) return false;
  const named = clause.namedBindings;
  return (
    clause.isTypeOnly ||
    Boolean(!clause.name && named && ts.isNamedImports(named) && named.elements.every((element) => element.isTypeOnly))
  );
};

function parse(path: string): SourceFile {
  const source = ts.createSourceFile(path, readFileSync(join(ROOT, path), 'utf8'), ts.ScriptTarget.Latest, true);
  const named = source.statements
    .filter(ts.isImportDeclaration)
    .map((node) => ({ name: (node.moduleSpecifier as ts.StringLiteral).text, typeOnly: isTypeOnly(node) }));
  const own = named.filter(({ name }) => name.startsWith('.'));
  return {
    path,
    source,
    imports: own.map(({ name }) => {
      const target = join(dirname(path), name).replaceAll('\\', '/');
      return /\.(cjs|json)$/.test(target) ? target : `${target}.ts`;
    }),
    packages: named
      .filter(({ name, typeOnly }) => !typeOnly && !/^(\.|node:)/.test(name))
      .map(({ name }) =>
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      ),
  };
}

const files = ['bin', 'lib', 'lambdas'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => parse(`${folder}/${file.replaceAll('\\', '/')}`)),
);
const byPath = new Map(files.map((file) => [file.path, file]));
const below = (folder: string) => files.filter(({ path }) => path.startsWith(`${folder}/`));
const contextOf = (path: string): string | undefined => /^lambdas\/([^/]+)\//.exec(path)?.[1];
const isEntryPoint = (path: string): boolean => path.endsWith('.lambda.ts');

/** Every import that breaks a rule, as `from → to`. */
const breaches = (among: SourceFile[], allowed: (from: string, to: string) => boolean): string[] =>
  among.flatMap(({ path, imports }) => imports.filter((to) => !allowed(path, to)).map((to) => `${path} → ${to}`));

/** The one place that names all contexts. */
const CONTRACTS = 'lambdas/console/contracts.ts';
/** What of the functions' side the stack and the site are made from: names, contracts and what is made of those. */
const FOR_LIB =
  /^lambdas\/(kernel\/(names|contract)|[^/]+\/contract|console\/(contracts|openapi|example|problem-kinds|web))\.ts$/;

test('a context imports itself and the kernel; only the list of all contracts sees several', () => {
  const allowed = (from: string, to: string) => {
    const [own, other] = [contextOf(from), contextOf(to)];
    return other === own || other === 'kernel' || (from === CONTRACTS && to.endsWith('/contract.ts'));
  };
  expect(breaches(below('lambdas'), allowed)).toEqual([]);
});

test('the kernel knows no context', () => {
  expect(breaches(below('lambdas/kernel'), (_, to) => contextOf(to) === 'kernel')).toEqual([]);
});

test('the stack takes contracts and names from the functions, and functions nothing from the stack', () => {
  expect(breaches(below('lib'), (_, to) => !to.startsWith('lambdas/') || FOR_LIB.test(to))).toEqual([]);
  expect(breaches(below('lib'), (_, to) => !to.startsWith('bin/'))).toEqual([]);
});

test('nobody imports an entry point', () => {
  expect(breaches(files, (_, to) => !isEntryPoint(to))).toEqual([]);
});

test('every import is of a file that exists', () => {
  const exists = (to: string) => byPath.has(to) || /\.(cjs|json)$/.test(to);
  expect(breaches(files, (_, to) => exists(to))).toEqual([]);
});

test('there are no cycles', () => {
  const done = new Set<string>();
  const visit = (path: string, trail: string[]): string[] => {
    if (trail.includes(path)) return [[...trail.slice(trail.indexOf(path)), path].join(' → ')];
    if (done.has(path)) return [];
    const found = (byPath.get(path)?.imports ?? []).flatMap((next) => visit(next, [...trail, path]));
    done.add(path);
    return found;
  };
  expect(files.flatMap(({ path }) => visit(path, []))).toEqual([]);
});

test('there are no barrels: nothing is exported from another file', () => {
  const passing = files.filter(({ source }) =>
    source.statements.some((node) => ts.isExportDeclaration(node) && node.moduleSpecifier),
  );
  expect(passing.map(({ path }) => path)).toEqual([]);
  expect(files.filter(({ path }) => path.endsWith('/index.ts'))).toEqual([]);
});

/** Everything that may make an entry point decide something. */
const DECISIONS = new Set([
  ts.SyntaxKind.IfStatement,
  ts.SyntaxKind.ConditionalExpression,
  ts.SyntaxKind.SwitchStatement,
  ts.SyntaxKind.ForStatement,
  ts.SyntaxKind.ForOfStatement,
  ts.SyntaxKind.WhileStatement,
  ts.SyntaxKind.TryStatement,
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);

describe.each(files.filter(({ path }) => isEntryPoint(path)).map((file) => [file.path, file] as const))(
  '%s',
  (_, file) => {
    test('decides nothing: it names its parts and exports the handler', () => {
      const decisions: string[] = [];
      const visit = (node: ts.Node): void => {
        if (DECISIONS.has(node.kind)) decisions.push(node.getText());
        ts.forEachChild(node, visit);
      };
      visit(file.source);
      expect(decisions).toEqual([]);
      const statements = file.source.statements.filter((node) => !ts.isImportDeclaration(node));
      expect(statements.length).toBeLessThanOrEqual(3);
      expect(statements.at(-1)?.getText()).toMatch(/^export const handler\b/);
    });

    test('needs only packages that are meant to run in a function', () => {
      const reached = new Set<string>();
      const reach = (path: string): void => {
        if (reached.has(path)) return;
        reached.add(path);
        byPath.get(path)?.imports.forEach(reach);
      };
      reach(file.path);
      const packages = new Set([...reached].flatMap((path) => byPath.get(path)?.packages ?? []));
      // of the SDK's own packages those come along
      const brought = ['@aws-sdk/util-dynamodb'];
      expect([...packages].filter((name) => !(name in dependencies) && !brought.includes(name))).toEqual([]);
    });
  },
);

test('zod is imported as a whole: its named import would add 350 KB to a bundle', () => {
  const named = files.filter(({ source }) => /import (type )?(\{|z\b)[^;]*from 'zod'/.test(source.text));
  expect(named.map(({ path }) => path)).toEqual([]);
});

test('files have one subject: most fit on a screen or two, none is long', () => {
  const lines = (file: SourceFile) => file.source.text.split('\n').length;
  const sizes = files.map(lines).sort((a, b) => a - b);
  expect(sizes[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(100);
  // a contract is a table, one row an operation
  const long = files.filter((file) => lines(file) > 300 && !file.path.endsWith('/contract.ts'));
  expect(long.map((file) => `${relative(ROOT, file.path)}: ${lines(file)}`)).toEqual([]);
});

/** The kinds that problems are thrown with: the option `kind` of `Problem`, the second argument of `conflict`. */
function kindsThrown(): string[] {
  const kinds = new Set<string>();
  const note = (node: ts.Node | undefined) => node && ts.isStringLiteral(node) && kinds.add(node.text);
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText() === 'Problem') {
      const options = node.arguments?.[2];
      for (const property of options && ts.isObjectLiteralExpression(options) ? options.properties : []) {
        if (ts.isPropertyAssignment(property) && property.name.getText() === 'kind') note(property.initializer);
      }
    }
    if (ts.isCallExpression(node) && node.expression.getText() === 'conflict') note(node.arguments[1]);
    ts.forEachChild(node, visit);
  };
  for (const { source } of below('lambdas')) visit(source);
  return [...kinds].sort();
}

test('every kind of problem that is thrown is explained on the page of problems, and no other', () => {
  expect(Object.keys(PROBLEM_KINDS).sort()).toEqual(kindsThrown());
});
