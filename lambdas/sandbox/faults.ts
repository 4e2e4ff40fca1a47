import { now } from '../kernel/clock';
import { type Handlers, httpApi } from '../kernel/http';
import { table, writeOne } from '../kernel/table';
import { Faults, SandboxContract } from './contract';

const NONE: Faults = { mode: 'none', rate: 1, delay_ms: 0, until: null };
const faults = table();
const keyOf = (name: string) => ({ pk: `FAULTS#${name}`, sk: 'FAULTS' });

const findFaults = async (name: string): Promise<Faults> => (await faults.find(Faults, keyOf(name))) ?? NONE;

const FRESH_MS = 200;
let known: { faults: Faults; readAt: number } | undefined;

/** The fault that befalls this request, if one does. One read each 200 ms and function instance. */
export async function faultNow(name: string): Promise<Faults> {
  if (!known || Date.now() - known.readAt > FRESH_MS) known = { faults: await findFaults(name), readAt: Date.now() };
  const { mode, rate, until } = known.faults;
  const isOver = until !== null && until <= now().toISOString();
  return mode === 'none' || isOver || Math.random() >= rate ? NONE : known.faults;
}

/** The door at which an operator or a test switches a stand-in's faults. */
export function faultsDoor(name: string) {
  const verbs: Handlers<typeof SandboxContract> = {
    getFaults: () => findFaults(name),
    setFaults: async ({ body }) => {
      await writeOne(faults.put({ ...keyOf(name), ...body }));
      known = undefined;
      return body;
    },
  };
  return httpApi(SandboxContract, verbs);
}
