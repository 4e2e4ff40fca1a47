/** By their names without case and punctuation: what the profiles never keep. */
const NAMES = /^(password|socialinsurancenumber|cv[vc]2?)$/;
/** As many digits as a card number has at the least, close together; what was cut before is not joined again. */
const CARD_LIKE = /(?<plus>\+?)\p{Nd}(?:[^\p{L}\p{N}…]{0,3}\p{Nd}){12,}/gu;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const TIME = /[12]\d{3}-[01]\d-[0-3]\d[ T][0-2]\d:[0-5]\d/g;
/** E.164: a phone number has 15 digits at the most. */
const PHONE_DIGITS = 15;
const CARD_SIZE = 1e12;

const isCardLike = (text: string): boolean =>
  !UUID.test(text) &&
  [...text.replace(TIME, '…').matchAll(CARD_LIKE)].some(
    ([run, plus]) => !plus || run.replace(/\P{Nd}/gu, '').length > PHONE_DIGITS,
  );

/** Whether there is something in it that the profiles would protect before anything is stored: rather too much than too little. */
export function needsProtection(value: unknown): boolean {
  if (typeof value === 'string') return isCardLike(value);
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) >= CARD_SIZE;
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([name, one]) =>
      NAMES.test(name.toLowerCase().replace(/[^a-z0-9]/g, '')) || isCardLike(name) || needsProtection(one),
  );
}
