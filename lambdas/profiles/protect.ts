import { createHmac } from 'node:crypto';
import { contextKey } from '../kernel/secret';

/** What is kept of a card number: enough to show it and to recognise the same card, not enough to pay with it. */
export interface ProtectedNumber {
  first_six: string;
  last_four: string;
  /** HMAC-SHA-256 of the digits under a key of this deployment, base64url. */
  fingerprint: string;
}

const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/** By their names without case and punctuation. Codes of a card may not be kept by anybody (PCI DSS, 3.3.1). */
const DROPPED = new Set(['password', 'socialinsurancenumber', 'cvv', 'cvv2', 'cvc', 'cvc2']);
const CARD_NUMBERS = new Set(['creditcardnumber', 'cardnumber', 'ccnumber']);

/** Card numbers have 13 to 19 digits (ISO/IEC 7812), written with up to two spaces, dashes, dots and the like between them. */
const CARD_LIKE = /(?<plus>\+?)\p{Nd}(?:[\s\p{Pd}._/\\·•,\u200b-\u200d\u2060\ufeff]{0,2}\p{Nd}){12,}/gu;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
/** E.164: a phone number has 15 digits at the most. */
const PHONE_DIGITS = 15;
const DEEPEST = 32;

const digitsOf = (text: string): string => text.replace(/\P{Nd}/gu, '').normalize('NFKC');
const masked = (digits: string): string => `${digits.slice(0, 6)}…${digits.slice(-4)}`;

/** A text with every card number in it cut down to its first six and last four digits. */
function maskText(text: string): string {
  if (UUID.test(text)) return text;
  return text.replace(CARD_LIKE, (found: string, plus: string) => {
    const digits = digitsOf(found);
    return plus && digits.length <= PHONE_DIGITS ? found : masked(digits);
  });
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
