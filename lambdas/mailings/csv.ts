/** A line of a CSV text: its number, counted from 1, and its fields. */
export type Row = [line: number, ...fields: string[]];

/**
 * The lines of a CSV text (RFC 4180) that are not blank, one after the other, so that a reader may stop at any of them.
 * Commas or semicolons stand between fields; quoted fields may hold line ends.
 */
export function* parseCsv(text: string): Generator<Row> {
  const separator = /^[^\n,]*;/.test(text) ? ';' : ',';
  let line = 0;
  let row: string[] = [];
  let field = '';
  let isQuoted = false;
  const endRow = (): Row => {
    line += 1;
    const whole: Row = [line, ...row, field.trim()];
    row = [];
    field = '';
    return whole;
  };
  const isBlank = ([, first, ...others]: Row): boolean => first === '' && !others.length;
  for (let at = text.startsWith('\uFEFF') ? 1 : 0; at < text.length; at++) {
    const character = text[at];
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (text[at + 1] === '"') {
        field += '"';
        at += 1;
      } else isQuoted = false;
    } else if (character === '"' && field.trim() === '') {
      isQuoted = true;
      field = '';
    } else if (character === separator) {
      row.push(field.trim());
      field = '';
    } else if (character === '\n') {
      const whole = endRow();
      if (!isBlank(whole)) yield whole;
    } else field += character;
  }
  if (field !== '' || row.length) {
    const whole = endRow();
    if (!isBlank(whole)) yield whole;
  }
}

/** What a spreadsheet would run, however many apostrophes are before it. */
const FORMULA = /^'*[=+\-@\t\r]/;

/**
 * A field as a line of CSV takes it. One that a spreadsheet would run as a formula gets an apostrophe before it:
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvField(value: string): string {
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",;\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What a field was before `csvField`. */
export const plainField = (field: string): string =>
  field.startsWith("'") && FORMULA.test(field) ? field.slice(1) : field;
