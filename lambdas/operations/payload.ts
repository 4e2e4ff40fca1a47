/** As deep as DynamoDB and the body of a call may be, and far from where JSON exhausts the stack. */
const DEEPEST = 32;

/** Whether JSON of it says the same again. */
export const isExact = (value: unknown, depth = 0): boolean => {
  if (typeof value === 'number') return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  if (typeof value !== 'object' || value === null) return true;
  return depth < DEEPEST && Object.values(value).every((one) => isExact(one, depth + 1));
};

/** A payload for people: what its JSON says, or the text itself where reading it as JSON would change it. */
export function shownPayload(text: string): unknown {
  try {
    const value = JSON.parse(text) as unknown;
    return isExact(value) ? value : text;
  } catch {
    return text;
  }
}
