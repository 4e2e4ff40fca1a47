import { useCallback, useEffect, useState } from 'react';
import { useRecordContext } from 'react-admin';
import type { OperationName } from '../client/operations';
import { MercatoProblem } from '../client/problem';
import { call } from './api';

export interface Answer<T = Record<string, unknown>> {
  data?: T;
  /** Why there is none, for people. */
  problem?: string;
  reload: () => void;
}

/** The question without how much of the answer is wanted. */
function subjectOf(name: OperationName, input: { query?: object }): string {
  return JSON.stringify([name, { ...input, query: { ...input.query, limit: undefined } }]);
}

/**
 * What an operation answers, read again every `everyMs` while the page is looked at. What was there stays until the next
 * answer to the same question comes.
 */
export function useAnswer<T = Record<string, unknown>>(
  name: OperationName,
  input: object = {},
  everyMs = 0,
): Answer<T> {
  const subject = subjectOf(name, input);
  const [{ of, ...state }, setState] = useState<Omit<Answer<T>, 'reload'> & { of?: string }>({});
  const [turn, setTurn] = useState(0);
  const key = JSON.stringify(input);
  const reload = useCallback(() => setTurn((last) => last + 1), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new turn reads again
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async (): Promise<void> => {
      if (!document.hidden) {
        try {
          const data = (await call(name)(JSON.parse(key), { signal: abort.signal })) as T;
          setState({ of: subject, data });
        } catch (error) {
          if (abort.signal.aborted) return;
          const problem = error instanceof MercatoProblem ? error.detail : 'no answer';
          setState((last) => ({ ...(last.of === subject && last), of: subject, problem }));
        }
      }
      if (everyMs && !abort.signal.aborted) timer = setTimeout(read, everyMs);
    };
    void read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [name, key, everyMs, turn]);
  return { ...(of === subject && state), reload };
}

/** The path's parameter of the thing whose page this is. */
export function useParams(id: string): Record<string, string> {
  const record = useRecordContext();
  return { [id]: String(record?.id ?? '') };
}
