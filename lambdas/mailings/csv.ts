/** The fields of each line of a CSV text (RFC 4180), commas or semicolons between them; quoted fields may hold line ends. */
export function parseCsv(text: string): string[][] {
  const separator = /^[^\n,]*;/.test(text) ? ';' : ',';
  const rows: string[][] = [];
  let row: string[] = [];
  let field = '';
  let isQuoted = false;
  const endRow = () => {
    rows.push([...row, field.trim()]);
    row = [];
    field = '';
  };
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
    } else if (character === '\n') endRow();
    else field += character;
  }
  if (field !== '' || row.length) endRow();
  return rows;
}

/**
 * A field as a line of CSV takes it. One that a spreadsheet would run as a formula gets an apostrophe before it:
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
export function csvField(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",;\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
