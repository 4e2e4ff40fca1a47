import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CONTEXTS } from '../../lambdas/console/contracts';
import { openApi } from '../../lambdas/console/openapi';
import type { Operation } from '../../lambdas/kernel/contract';

// biome-ignore lint/suspicious/noExplicitAny: a document of any shape, whose parts the tests assert
const document: any = JSON.parse(JSON.stringify(openApi(CONTEXTS, '1.2.3')));

const operations = CONTEXTS.flatMap(({ name: context, contract }) =>
  Object.entries<Operation>(contract).map(([name, operation]) => ({ context, name, operation })),
);
const shown = operations.filter(({ operation }) => !operation.alias);
const inDocument = ({ path, method }: Operation) => document.paths[path]?.[method.toLowerCase()];

test('the document is valid OpenAPI 3.1, and every reference leads somewhere', () => {
  const result = execFileSync(process.execPath, [join(__dirname, 'validate-openapi.mjs')], {
    input: JSON.stringify(document),
    encoding: 'utf8',
  });
  expect(JSON.parse(result)).toEqual({ valid: true, version: '3.1' });
  const references = JSON.stringify(document).match(/"#\/[^"]+"/g) ?? [];
  expect(references.length).toBeGreaterThan(50);
  for (const reference of new Set(references)) {
    const parts = JSON.parse(reference).slice(2).split('/');
    const target = parts.reduce(
      (at: Record<string, unknown> | undefined, part: string) => at?.[part] as never,
      document,
    );
    expect([reference, typeof target]).toEqual([reference, 'object']);
  }
});

test('the contexts of the product are all in it', () => {
  const contexts = readdirSync(join(__dirname, '../../lambdas'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && readdirSync(join(entry.parentPath, entry.name)).includes('contract.ts'))
    .map(({ name }) => name)
    // stand-ins are no part of the product
    .filter((name) => !['kernel', 'sandbox'].includes(name));
  expect(document.tags.map(({ name }: { name: string }) => name).sort()).toEqual(contexts.sort());
});

test('every operation is in it under its own name, with its context, its access and its problems', () => {
  expect(Object.values(document.paths).flatMap((path) => Object.keys(path as object)).length).toBe(shown.length);
  for (const { context, name, operation } of shown) {
    const found = inDocument(operation);
    expect(found).toMatchObject({
      operationId: name,
      tags: [context],
      summary: operation.summary,
      'x-access': operation.access,
    });
    const isPublic = operation.access === 'public';
    expect(found.security).toHaveLength(isPublic ? 0 : 3);
    expect(found.description).toMatch(isPublic ? /without credentials/ : /May be called by/);
    const statuses = Object.keys(found.responses);
    expect(statuses).toEqual(expect.arrayContaining([String(operation.status), 'default']));
    expect([name, statuses.includes('401')]).toEqual([name, !isPublic || 401 in (operation.refuses ?? {})]);
    expect([name, statuses.includes('413')]).toEqual([name, Boolean(operation.body ?? operation.consumes)]);
    for (const [status, words] of Object.entries(operation.refuses ?? {}))
      expect(found.responses[status].description).toBe(words);
    const headers = (found.parameters ?? []).map(({ $ref = '' }) => $ref.split('/').at(-1)).filter(Boolean);
    expect([name, headers.includes('Idempotency-Key')]).toEqual([name, operation.idempotent === true]);
    const heedsVersion = ['PUT', 'PATCH'].includes(operation.method) || 412 in (operation.refuses ?? {});
    expect([name, headers.includes('If-Match')]).toEqual([name, heedsVersion]);
    expect([name, headers.includes('If-None-Match')]).toEqual([
      name,
      operation.method === 'GET' && 'returns' in operation,
    ]);
  }
});

test('every path parameter is described', () => {
  for (const { operation } of shown) {
    const named = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const described = (inDocument(operation).parameters ?? [])
      .filter((one: { in?: string }) => one.in === 'path')
      .map((one: { name: string; required: boolean }) => one.required && one.name);
    expect(described).toEqual(named);
  }
});

test('every body has an example, and it is taken as it stands', () => {
  for (const { name, operation } of shown.filter((one) => one.operation.body)) {
    const { example } = inDocument(operation).requestBody.content['application/json'];
    expect([name, operation.body?.safeParse(example).error?.issues]).toEqual([name, undefined]);
  }
});

test('the problem examples have the shape of the problems that the API answers', () => {
  const { required } = document.components.schemas.Problem;
  for (const response of Object.values<{ content?: Record<string, { example: object }> }>(
    document.components.responses,
  )) {
    const example = response.content?.['application/problem+json']?.example;
    if (example) expect(Object.keys(example)).toEqual(expect.arrayContaining(required));
  }
});
