/** What a spreadsheet would take for a formula: https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?\d+(\.\d+)?$/;

const cell = (text: string): string => (FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text);

/** A record whose texts and names are texts in a spreadsheet too. */
export function defused(value: unknown): unknown {
  if (typeof value === 'string') return cell(value);
  if (Array.isArray(value)) return value.map(defused);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [cell(name), defused(one)]));
}
