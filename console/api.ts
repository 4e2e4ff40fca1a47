import { clientOf } from '../client/client';
import type { OperationName, Routes } from '../client/operations';
import { mayCall } from '../lambdas/kernel/contract';
import type { ConsoleOperation } from '../lib/console-operations';
import type { Schema } from './schema';
import { authorization, principal } from './session';

export interface AnyOperation extends Omit<ConsoleOperation, 'query' | 'body' | 'returns'> {
  query?: Schema;
  body?: Schema;
  returns?: Schema;
}

/** Every operation of the API, put in by the build. */
declare const OPERATIONS: Record<OperationName, AnyOperation>;
export const operations = OPERATIONS;

/** The base address of the API: where this page is. */
export const BASE = new URL('.', location.href).href.replace(/\/$/, '');

export const api = clientOf(OPERATIONS as Routes, BASE, { authorization });

interface AnyCall {
  (input?: object, options?: object): Promise<Record<string, unknown>>;
  reply(input?: object, options?: object): Promise<{ body: Record<string, unknown>; etag: string | undefined }>;
  all(input?: object, options?: object): AsyncGenerator<Record<string, unknown>>;
}

/** An operation by a name that is known only at run time. */
export const call = (name: OperationName): AnyCall => api[name] as unknown as AnyCall;

/** Whether the user may call an operation, by the contract itself. */
export function may(name: OperationName | undefined): name is OperationName {
  if (!name) return false;
  const { access } = operations[name];
  const who = principal();
  return access === 'public' || (who !== undefined && mayCall(access, who, {}));
}

/** The names of the operations that a condition holds for. */
export const operationNames = (holds: (operation: AnyOperation) => boolean): OperationName[] =>
  (Object.entries(operations) as [OperationName, AnyOperation][]).filter(([, one]) => holds(one)).map(([name]) => name);
