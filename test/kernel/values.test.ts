import fc from 'fast-check';
import { Expression } from '../../lambdas/kernel/expression';
import { fixedId, newId, shardOf, shards } from '../../lambdas/kernel/id';
import { Currency, fromUnits, Money, SignedMoney, sumOf, toUnits, UnitPrice } from '../../lambdas/kernel/money';
import { Line, Text, Timestamp } from '../../lambdas/kernel/schema';

const refused = (schema: { safeParse: (value: unknown) => { success: boolean } }, value: unknown) =>
  !schema.safeParse(value).success;

describe('money', () => {
  const cents = fc.bigInt({ min: 0n, max: 99_999_999_999_999n });
  const asText = (value: bigint) => `${value / 100n}.${String(value % 100n).padStart(2, '0')}`;

  test('a sum of cents comes out as it went in, as a text or as a number', () => {
    fc.assert(
      fc.property(cents, (value) => {
        expect(Money.parse(asText(value))).toBe(asText(value));
        // Number holds every sum of up to 15 digits exactly
        expect(Money.parse(Number(asText(value)))).toBe(asText(value));
      }),
    );
  });

  test('trailing and leading zeros do not matter', () => {
    expect(['5', '5.0', '5.00', '005', 5, 5.0].map((value) => Money.parse(value))).toEqual(Array(6).fill('5.00'));
    expect([0, -0, '-0.00', '0'].map((value) => Money.parse(value))).toEqual(Array(4).fill('0.00'));
  });

  test.each([
    [0.001],
    ['1.005'],
    [-1],
    ['-0.01'],
    ['1e3'],
    [1e21],
    ['1,50'],
    [' 1'],
    [''],
    ['.5'],
    ['+1'],
    ['0x10'],
    ['1'.repeat(13)],
    [Number.MAX_SAFE_INTEGER],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [null],
    [true],
    [[]],
    [{}],
    ['٣'],
  ])('%p is not money', (value) => {
    expect(refused(Money, value)).toBe(true);
  });

  test('a difference may be below zero, a unit price has up to four places', () => {
    expect(SignedMoney.parse('-3.5')).toBe('-3.50');
    expect(UnitPrice.parse(0.0125)).toBe('0.0125');
    expect(UnitPrice.parse('2.5000')).toBe('2.50');
    expect(refused(UnitPrice, '0.00001')).toBe(true);
    expect(refused(UnitPrice, '-1')).toBe(true);
  });

  test('units are the inverse of the text, with its sign', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }), (units) => {
        expect(toUnits(fromUnits(units))).toBe(units);
      }),
    );
    expect(() => toUnits('1.00000')).toThrow('not a decimal');
  });

  test('a sum of lines is exact where floats are not', () => {
    expect(sumOf([{ price: '0.10', quantity: 3 }])).toBe('0.30');
    fc.assert(
      fc.property(fc.array(fc.tuple(cents, fc.integer({ min: 1, max: 1_000 })), { maxLength: 20 }), (lines) => {
        const total = lines.reduce((sum, [price, quantity]) => sum + price * BigInt(quantity), 0n);
        expect(sumOf(lines.map(([price, quantity]) => ({ price: asText(price), quantity })))).toBe(asText(total));
      }),
    );
  });

  test('currencies are ISO 4217 codes in capitals', () => {
    expect(['TND', 'EUR', 'JPY'].map((code) => Currency.parse(code))).toEqual(['TND', 'EUR', 'JPY']);
    expect(['tnd', 'XYZ', 'EURO', '', '€'].every((code) => refused(Currency, code))).toBe(true);
  });
});

describe('times', () => {
  const instant = fc.date({ min: new Date('1970-01-01'), max: new Date('2200-01-01'), noInvalidDate: true });

  test('an offset is converted to UTC', () => {
    fc.assert(
      fc.property(instant, fc.integer({ min: -14 * 60, max: 14 * 60 }), (at, minutes) => {
        const local = new Date(at.getTime() + minutes * 60_000).toISOString().slice(0, -1);
        const size = Math.abs(minutes);
        const offset = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, '0')).join(':');
        expect(Timestamp.parse(`${local}${minutes < 0 ? '-' : '+'}${offset}`)).toBe(at.toISOString());
      }),
    );
  });

  test('without an offset UTC is meant, in every form of RFC 3339', () => {
    for (const text of ['2026-01-31T12:00:00', '2026-01-31 12:00:00', '2026-01-31t12:00:00z', '2026-01-31T12:00']) {
      expect(Timestamp.parse(text)).toBe('2026-01-31T12:00:00.000Z');
    }
    expect(Timestamp.parse('2026-01-31')).toBe('2026-01-31T00:00:00.000Z');
    expect(Timestamp.parse('2024-02-29T00:00:00.123456Z')).toBe('2024-02-29T00:00:00.123Z');
  });

  test.each([
    '2026-02-30',
    '2026-13-01',
    '2026-01-01T25:00:00Z',
    '31.01.2026',
    '1769860800',
    '',
    'now',
    '2026-01-01T00:00:00+99:99',
    '9999-12-31T23:59:59-01:00',
    '0000-01-01T00:00:00+01:00',
  ])('%p is not a time', (text) => {
    expect(refused(Timestamp, text)).toBe(true);
  });
});

describe('texts', () => {
  test('are trimmed, not empty, without control characters and lone surrogates', () => {
    expect(Text(10).parse('  a\tb\nc ')).toBe('a\tb\nc');
    for (const text of ['', '   ', 'a\u0000b', '\u001b[31m', '\ud800', 'x'.repeat(11)]) {
      expect(refused(Text(10), text)).toBe(true);
    }
    expect(refused(Line(10), 'a\r\nb: c')).toBe(true);
  });
});

describe('ids', () => {
  test('new ones sort by the millisecond of their making and are spread over all partitions', () => {
    const ids = Array.from({ length: 200 }, newId);
    const milliseconds = ids.map((id) => id.slice(0, 13));
    expect([...milliseconds].sort()).toEqual(milliseconds);
    expect(new Set(ids.map((id) => shardOf('ORDERS', id)))).toEqual(new Set(shards('ORDERS')));
  });

  test('a fixed one is the same for the same name only', () => {
    const namespace = '0199f3a2-7c1e-4b60-8f0a-2f6e3c1b9a55';
    expect(fixedId('a', namespace)).toBe(fixedId('a', namespace));
    expect(fixedId('a', namespace)).not.toBe(fixedId('b', namespace));
  });
});

describe('expressions', () => {
  const attribute = fc.oneof(
    fc.constantFrom('status', 'name', 'size', 'a.b', 'a_b', 'a-b', 'pk'),
    fc.string({ minLength: 1 }),
  );
  const values = fc.dictionary(attribute, fc.oneof(fc.integer(), fc.string()), { maxKeys: 5 });
  const placeholders = (text: string, mark: string) => new Set(text.match(new RegExp(`${mark}\\w+`, 'g')) ?? []);

  test('every name and value stands behind a placeholder of its own, and none is left over', () => {
    fc.assert(
      fc.property(values, values, values, (equals, below, set) => {
        const expression = new Expression();
        const text = `${expression.condition({ equals, below })} ${expression.update({ set, setOnce: below })}`;
        const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: given = {} } =
          expression.placeholders();
        expect(placeholders(text, '#')).toEqual(new Set(Object.keys(names)));
        expect(placeholders(text, ':')).toEqual(new Set(Object.keys(given)));
        const attributes = new Set([equals, below, set].flatMap(Object.keys));
        expect(new Set(Object.values(names))).toEqual(attributes);
      }),
    );
  });

  test('undefined asks for absence in a condition and removes in a change', () => {
    const expression = new Expression();
    expect(expression.condition({ equals: { gone: undefined } })).toMatch(/^attribute_not_exists\(#\w+\)$/);
    expect(expression.update({ set: { gone: undefined } })).toMatch(/^REMOVE #\w+$/);
    expect(new Expression().condition({})).toBeUndefined();
  });
});
