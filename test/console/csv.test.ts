import { defused } from '../../console/csv';

test('what a spreadsheet would calculate is exported as a text, at any depth; numbers stay numbers', () => {
  const record = {
    name: '=HYPERLINK("http://evil.example")',
    tags: ['@SUM(A1)', 'vip'],
    address: { street: '+cmd|/C calc', '=x': '\tcmd' },
    change: '-12.50',
    phone_number: '+79001234567',
    error: '-1+1',
    nothing: null,
    count: -3,
  };
  expect(defused(record)).toEqual({
    name: `'=HYPERLINK("http://evil.example")`,
    tags: ["'@SUM(A1)", 'vip'],
    address: { street: "'+cmd|/C calc", "'=x": "'\tcmd" },
    change: '-12.50',
    phone_number: '+79001234567',
    error: "'-1+1",
    nothing: null,
    count: -3,
  });
});
