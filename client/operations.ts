import type * as z from 'zod';
import type { CONTEXTS } from '../lambdas/console/contracts';
import type { Operation } from '../lambdas/kernel/contract';
import type { SandboxContract } from '../lambdas/sandbox/contract';

type All<Union> = (Union extends unknown ? (one: Union) => void : never) extends (all: infer Each) => void
  ? Each
  : never;
type Contracts = All<(typeof CONTEXTS)[number]['contract'] | typeof SandboxContract>;

/** Every operation of every context and of the stand-ins, but for the aliases for clients of earlier systems. */
export type Operations = {
  [Name in keyof Contracts as Contracts[Name] extends { alias: true } ? never : Name]: Contracts[Name];
};
export type OperationName = keyof Operations;

type Parameters<Path> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | Parameters<Rest> : never;

/** What a call takes: the parameters of its path by their names, `query`, `body`. */
export type Input<O> = (O extends { path: infer Path } ? { [Name in Parameters<Path>]: string } : unknown) &
  (O extends { query: infer Query extends z.ZodType } ? { query?: Partial<z.input<Query>> } : unknown) &
  (O extends { body: infer Body extends z.ZodType } ? { body: z.input<Body> } : unknown) &
  (O extends { consumes: object } ? { body: string } : unknown);

/** What a call gives. */
export type Output<O> = O extends { returns: infer Returns extends z.ZodType } ? z.output<Returns> : undefined;

/** What is known of an operation while the program runs. */
export interface Route extends Pick<Operation, 'method' | 'path'> {
  idempotent?: true;
  /** The type of a body that is no JSON. */
  consumes?: string;
}
export type Routes = Record<OperationName, Route>;
