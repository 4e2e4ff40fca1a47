import { useEffect, useRef, useState } from 'react';
import { reasonOf } from './problem';

/** Runs one deed at a time, until it is done or whoever wanted it has gone. */
export function useDeed() {
  const under = useRef<AbortController>(undefined);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  useEffect(() => () => under.current?.abort(), []);
  const run = async (deed: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    if (under.current) return;
    const abort = new AbortController();
    under.current = abort;
    setBusy(true);
    setProblem(undefined);
    try {
      await deed(abort.signal);
    } catch (error) {
      if (!abort.signal.aborted) setProblem(reasonOf(error));
    } finally {
      under.current = undefined;
      setBusy(false);
    }
  };
  return { busy, problem, run };
}
