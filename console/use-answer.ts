import { useCallback, useEffect, useState } from 'react';
import { useLogoutIfAccessDenied, useRecordContext } from 'react-admin';
import type { OperationName } from '../client/operations';
import { call } from './api';
import { reasonOf } from './problem';

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
 * What an operation answers, read at once, and again every `everyMs` while the page is looked at. What was there stays
 * until the next answer to the same question comes. When the session is over, it leads to the login.
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
  const logoutIfAccessDenied = useLogoutIfAccessDenied();
  const reload = useCallback(() => setTurn((last) => last + 1), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new turn reads again
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async (isFirst: boolean): Promise<void> => {
      if (isFirst || !document.hidden) {
        try {
          const data = (await call(name)(JSON.parse(key), { signal: abort.signal })) as T;
          setState({ of: subject, data });
        } catch (error) {
          if (abort.signal.aborted) return;
          setState((last) => ({ ...(last.of === subject && last), of: subject, problem: reasonOf(error) }));
          if (await logoutIfAccessDenied(error)) return;
        }
      }
      if (everyMs && !abort.signal.aborted) timer = setTimeout(read, everyMs, false);
    };
    void read(true);
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
