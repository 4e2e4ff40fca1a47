import { createHmac } from 'node:crypto';
import { contextKey } from '../kernel/secret';
import type { ProtectedNumber } from './schema';

const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** By their names without case and punctuation. Codes of a card may not be kept by anybody (PCI DSS, 3.3.1). */
const DROPPED = new Set(['password', 'socialinsurancenumber', 'cvv', 'cvv2', 'cvc', 'cvc2']);
const CARD_NUMBERS = new Set(['creditcardnumber', 'cardnumber', 'ccnumber']);

/** Card numbers have 13 to 19 digits (ISO/IEC 7812), written with up to two spaces, dashes, dots and the like between them. */
const CARD_LIKE = /(?<plus>\+?)\p{Nd}(?:[\s\p{Pd}._/\\·•,\u200b-\u200d\u2060\ufeff]{0,2}\p{Nd}){12,}/gu;
/** The same with up to three of whatever is no letter and no digit between them; what was cut before is not joined again. */
const SPREAD = /\p{Nd}(?:[^\p{L}\p{N}…]{0,3}\p{Nd}){12,}/gu;
const FEWEST_DIGITS = 13;
const MOST_DIGITS = 19;
/** A time as text is no card number, whatever its check digit. */
const TIME = /[12]\d{3}-[01]\d-[0-3]\d[ T][0-2]\d:[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?!\p{Nd})/u;
const SPREAD_OR_TIME = new RegExp(`(?<time>${TIME.source})|${SPREAD.source}`, 'gu');
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
/** E.164: a phone number has 15 digits at the most. */
const PHONE_DIGITS = 15;
const DEEPEST = 32;

const digitsOf = (text: string): string => text.replace(/\P{Nd}/gu, '').normalize('NFKC');
const masked = (digits: string): string => `${digits.slice(0, 6)}…${digits.slice(-4)}`;

/** The check digit of ISO/IEC 7812, annex B. Digits of other scripts are not checked: those count as a card number. */
function hasCheckDigit(digits: string[]): boolean {
  if (digits.some((digit) => /\D/.test(digit))) return true;
  const sum = digits.toReversed().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

interface Cut {
  from: number;
  to: number;
}

/**
 * Where in a run of spread digits there are card numbers, from one separator to another; what overlaps is one. A phone number
 * with its plus is none: `before` is what stands before the run.
 */
function cardsIn(run: string, before: string | undefined): Cut[] {
  const places = [...run.matchAll(/\p{Nd}/gu)].map(({ index, 0: { length } }) => ({ from: index, to: index + length }));
  const digits = [...digitsOf(run)];
  const begins = (at: number) => at === 0 || places[at - 1]?.to !== places[at]?.from;
  const ends = (at: number) => at === places.length - 1 || begins(at + 1);
  const cuts: Cut[] = [];
  places.forEach(({ from }, first) => {
    if (!begins(first)) return;
    const isPhone = (first ? run[from - 1] : before) === '+';
    for (let length = MOST_DIGITS; length >= FEWEST_DIGITS; length--) {
      const last = places[first + length - 1];
      if (!last || !ends(first + length - 1)) continue;
      if (isPhone && length <= PHONE_DIGITS) continue;
      if (!hasCheckDigit(digits.slice(first, first + length))) continue;
      const cut = cuts.at(-1);
      if (cut && cut.to > from) cut.to = Math.max(cut.to, last.to);
      else cuts.push({ from, to: last.to });
    }
  });
  return cuts;
}

function maskSpread(run: string, before: string | undefined): string {
  let text = '';
  let done = 0;
  for (const { from, to } of cardsIn(run, before)) {
    text += run.slice(done, from) + masked(digitsOf(run.slice(from, to)));
    done = to;
  }
  return text + run.slice(done);
}

/**
 * A text with every card number in it cut down to its first six and last four digits: what has as many digits close
 * together, and, with more between them, what has a card's check digit too.
 */
function maskText(text: string): string {
  if (UUID.test(text)) return text;
  return text
    .replace(CARD_LIKE, (found: string, plus: string) => {
      const digits = digitsOf(found);
      return plus && digits.length <= PHONE_DIGITS ? found : masked(digits);
    })
    .replace(SPREAD_OR_TIME, (found: string, time: string | undefined, at: number, whole: string) =>
      time === undefined ? maskSpread(found, whole[at - 1]) : found,
    );
}

/** One that was protected before comes back when an operator corrects the record that it is in. */
function isProtected(value: unknown): value is ProtectedNumber {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 3) return false;
  const { first_six, last_four, fingerprint } = value as Record<string, unknown>;
  return (
    /^\d{6}$/.test(String(first_six)) &&
    /^\d{4}$/.test(String(last_four)) &&
    typeof fingerprint === 'string' &&
    /^[\w-]{43}$/.test(fingerprint) &&
    maskText(fingerprint) === fingerprint
  );
}

/** The fingerprint is HMAC-SHA-256 of the digits under a key of this deployment, base64url. */
function protectedNumber(key: Buffer, value: unknown): ProtectedNumber | string {
  if (isProtected(value)) return value;
  const isWhole = typeof value === 'string' || Number.isSafeInteger(value);
  const text = isWhole ? String(value) : '';
  const digits = digitsOf(text);
  if (/\p{L}/u.test(text) || digits.length < 13 || digits.length > 19) return '[redacted]';
  return {
    first_six: digits.slice(0, 6),
    last_four: digits.slice(-4),
    fingerprint: createHmac('sha256', key).update(digits).digest('base64url'),
  };
}

/**
 * Makes the function that everything from the source goes through before anything else sees it, records of the wrong shape
 * among them: at any depth, `password`, `social_insurance_number` and card codes are gone, a field for a card number holds
 * a `ProtectedNumber`, and whatever else looks like a card number is cut to its first six and last four digits.
 */
export async function protector(): Promise<(value: unknown) => unknown> {
  const key = await contextKey('card-fingerprint');
  const protect = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return maskText(value);
    if (typeof value === 'number') {
      return Number.isInteger(value) && Math.abs(value) >= 1e12 ? masked(digitsOf(BigInt(value).toString())) : value;
    }
    if (typeof value !== 'object' || value === null) return value;
    if (depth === DEEPEST) return '[too deep]';
    if (Array.isArray(value)) return value.map((one) => protect(one, depth + 1));
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => !DROPPED.has(bare(name)))
        .map(([name, one]) => [
          maskText(name),
          CARD_NUMBERS.has(bare(name)) ? protectedNumber(key, one) : protect(one, depth + 1),
        ]),
    );
  };
  return (value) => protect(value, 0);
}
