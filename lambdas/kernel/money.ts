import * as z from 'zod';

/** Twelve digits before the point: far above any sum of a shop, far below where cents leave the safe integers. */
const DIGITS = 12;

function decimal(places: number, allowNegative: boolean) {
  const pattern = new RegExp(`^(-?)0*(\\d{1,${DIGITS}})(?:\\.(\\d{1,${places}}))?$`);
  const expected = `expected a ${allowNegative ? '' : 'non-negative '}decimal of at most ${DIGITS} digits before and ${places} after the point`;
  return z
    .union([z.number(), z.string().max(40)], { error: expected })
    .transform((value, context) => {
      const match = pattern.exec(String(value));
      const [, sign = '', units = '', fraction = ''] = match ?? [];
      const zero = /^0*$/.test(units + fraction);
      if (!match || (sign && !allowNegative && !zero)) {
        context.addIssue({ code: 'custom', message: expected });
        return z.NEVER;
      }
      const digits = fraction.replace(/0+$/, '').padEnd(2, '0');
      return `${sign && !zero ? '-' : ''}${units}.${digits}`;
    })
    .pipe(z.string());
}

/** A sum of money: a JSON number or string of at most 2 decimals in, an exact string with two decimals out (`"50.00"`). */
export const Money = decimal(2, false).meta({ description: 'decimal with two places', examples: ['50.00'] });
export type Money = z.output<typeof Money>;

/** Money that may be below zero: a difference, a refund. */
export const SignedMoney = decimal(2, true).meta({ description: 'decimal with two places', examples: ['-3.50'] });

/** A price of one unit: as `Money`, but up to 4 decimals where a currency needs them. */
export const UnitPrice = decimal(4, false).meta({
  description: 'decimal with two to four places',
  examples: ['20.00'],
});

const SCALE = 10_000n;

/** The decimal as a whole number of ten-thousandths: exact to add and multiply. */
export function toUnits(decimalText: string): bigint {
  const [, sign, units, fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,4}))?$/.exec(decimalText) ?? [];
  if (units === undefined) throw new Error(`not a decimal: ${decimalText}`);
  const value = BigInt(units) * SCALE + BigInt(fraction.padEnd(4, '0'));
  return sign ? -value : value;
}

/** The inverse of `toUnits`, with two to four places. */
export function fromUnits(units: bigint): string {
  const size = units < 0n ? -units : units;
  const fraction = String(size % SCALE)
    .padStart(4, '0')
    .replace(/0{1,2}$/, '');
  return `${units < 0n ? '-' : ''}${size / SCALE}.${fraction}`;
}

/** Σ price × quantity over the lines, exact. */
export const sumOf = (lines: { price: string; quantity: number }[]): string =>
  fromUnits(lines.reduce((sum, { price, quantity }) => sum + toUnits(price) * BigInt(quantity), 0n));

const CURRENCIES = new Set(Intl.supportedValuesOf('currency'));

/** An ISO 4217 code that the runtime's Unicode data knows (withdrawn ones included: old orders carry them). */
export const Currency = z
  .string()
  .refine((code) => CURRENCIES.has(code), 'expected an ISO 4217 currency code in capitals, like EUR')
  .meta({ description: 'ISO 4217', examples: ['TND'] });
