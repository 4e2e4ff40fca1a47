import fc from 'fast-check';
import { protector } from '../../lambdas/profiles/protect';
import { type Platform, platform } from '../support/platform';
import { bare } from './source';

let p: Platform;
let protect: (value: unknown) => unknown;
beforeAll(async () => {
  p = await platform('profiles');
  process.env['CONTEXT_SECRET_ARN'] = p.named('Profiles/FetchUsers').environment['CONTEXT_SECRET_ARN'];
  protect = await protector();
});
afterAll(() => p.close());

/** What makes it pass Luhn's check. */
const checkDigit = (digits: string): string => {
  const sum = [...digits].reverse().reduce((total, one, place) => {
    const doubled = Number(one) * (place % 2 ? 1 : 2);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return String((10 - (sum % 10)) % 10);
};

describe('protecting', () => {
  const number = fc.stringMatching(/^[1-9]\d{12,18}$/);
  const separator = fc.constantFrom('', ' ', '-', '.', '–', '\u00a0', '  ', '/', '\u200b');
  const written = fc
    .tuple(number, fc.array(separator, { minLength: 18, maxLength: 18 }))
    .map(([digits, between]) => ({ digits, text: [...digits].map((one, at) => one + (between[at] ?? '')).join('') }));
  /** With a card's check digit, and whatever is neither letter nor digit between the digits. */
  const spread = fc
    .tuple(
      fc.stringMatching(/^[1-9]\d{11,17}$/),
      fc.array(fc.constantFrom('', ':', ' | ', '*', '(', ')', '---', ' - ', '+', '=\t=', '₽'), {
        minLength: 19,
        maxLength: 19,
      }),
    )
    .map(([most, between]) => {
      const digits = most + checkDigit(most);
      return { digits, text: [...digits].map((one, at) => one + (at < most.length ? between[at] : '')).join('') };
    });
  const field = fc.constantFrom('credit_card_number', 'cc_number', 'note', 'id', 'Credit Card Number', 'phone_number');

  test('no number of 13 to 19 digits survives, wherever it is and however it is written', () => {
    fc.assert(
      fc.property(
        written,
        field,
        fc.string(),
        fc.string(),
        fc.nat(6),
        ({ digits, text }, name, before, after, depth) => {
          let value: unknown = { [name]: `${before}x${text}y${after}`, [`k ${text}`]: [text], plain: text };
          for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { inner: value };
          expect(bare(JSON.stringify(protect(value)))).not.toContain(digits);
        },
      ),
    );
  });

  test('nor does a card number with more between its digits, beside other numbers too', () => {
    fc.assert(
      fc.property(
        spread,
        fc.constantFrom('x', '1: ', '12 | ', 'no. 7:', '2026-01-31 12:00:00 '),
        fc.constantFrom('y', ' : 9', ', 12/27', '|12|2027|123'),
        ({ digits, text }, before, after) => {
          expect(bare(JSON.stringify(protect({ note: before + text + after, [text]: 1 })))).not.toContain(digits);
        },
      ),
      { numRuns: 1_000 },
    );
    expect(protect('4539:5787:6362:1486')).toBe('453957…1486');
    expect(protect('at 12:30, 4539 | 5787 | 6362 | 1486 | 12/27')).not.toContain('5787');
  });

  test('what is no card number stays as it is', () => {
    const record = {
      uid: '12345678-1234-4123-8123-123456789012',
      phone_number: '+376 471.803.1259',
      date_of_birth: '1990-04-12',
      at: '2026-01-31T12:00:00.000Z',
      seen: '2026-01-31 12:00:00',
      // with the check digit of a card
      left: ['2026-01-31 12:00:04', '2026-01-31 12:00:00.001'],
      two_phones: '+376 471.803.1259, +376 471.803.1259',
      sizes: '(4539) : (5787) : (6362) : (1487)',
      latitude: -12.345678901234567,
      id: 123_456_789_012 - 1,
      full_address: 'Apt. 870 82517 Murphy Mountain, Lake Neil, CO 54432-4510',
      avatar: 'https://robohash.org/etmollitia.png?size=300x300&set=set1',
      nothing: null,
      yes: true,
    };
    expect(protect(record)).toEqual(record);
  });

  test('protecting twice changes nothing more; the same card has the same fingerprint, another has another', () => {
    fc.assert(
      fc.property(written, number, ({ digits, text }, other) => {
        const once = protect({ credit_card_number: text }) as { credit_card_number: { fingerprint: string } };
        expect(protect(once)).toEqual(once);
        expect(protect({ credit_card_number: digits })).toEqual(once);
        fc.pre(other !== digits);
        expect(protect({ credit_card_number: other })).not.toEqual(once);
      }),
    );
  });
});
