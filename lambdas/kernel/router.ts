import type { Contract, Operation } from './contract';
import { notFound, Problem } from './problem';

interface Route {
  name: string;
  operation: Operation;
  pattern: RegExp;
  parameters: string[];
}

export interface Match {
  name: string;
  operation: Operation;
  params: Record<string, string>;
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function compile(name: string, operation: Operation): Route {
  const parameters: string[] = [];
  const source = operation.path
    .replace(/\/$/, '')
    .split(/(\{\w+\})/)
    .map((part) => {
      if (!part.startsWith('{')) return literal(part);
      parameters.push(part.slice(1, -1));
      return '([^/]+)';
    })
    .join('');
  return { name, operation, pattern: new RegExp(`^${source}/?$`), parameters };
}

/** More literal segments first, so that `/api/mailings/stats/` is not taken for `/api/mailings/{id}/`. */
const parameterCount = ({ parameters }: Route): number => parameters.length;

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw notFound('resource');
  }
}

/** Finds the operation of a method and path; a path answers with and without its trailing slash. */
export function router(contract: Contract) {
  const routes = Object.entries(contract)
    .map(([name, operation]) => compile(name, operation))
    .sort((a, b) => parameterCount(a) - parameterCount(b));

  /** @throws Problem 404 for an unknown path, 405 with `Allow` (RFC 9110, 15.5.6) for a method that it does not have */
  return (method: string, path: string): Match => {
    const wanted = method === 'HEAD' ? 'GET' : method;
    const there: string[] = [];
    let meant: string | undefined;
    for (const { name, operation, pattern, parameters } of routes) {
      const match = pattern.exec(path);
      if (!match) continue;
      // the path with the fewest parameters is meant, whether or not it has the method
      meant ??= pattern.source;
      if (pattern.source !== meant) break;
      if (operation.method !== wanted) {
        there.push(operation.method);
        continue;
      }
      const params = Object.fromEntries(
        parameters.map((parameter, index) => [parameter, decode(match[index + 1] ?? '')]),
      );
      return { name, operation, params };
    }
    if (!there.length) throw new Problem(404, 'there is nothing at this path');
    const allow = [...new Set(there.includes('GET') ? [...there, 'HEAD'] : there)].join(', ');
    throw new Problem(405, `${method} is not among the methods of this path: ${allow}`, { headers: { allow } });
  };
}
