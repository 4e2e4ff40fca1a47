import { randomBytes } from 'node:crypto';
import { argon2id, argon2Verify } from 'hash-wasm';

/**
 * Argon2id at the second of OWASP's equivalent settings: 19 MiB, two passes, one lane.
 * https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
 * Raise them here: every hash names its own, and is made anew at its user's next login. Cost: docs/decisions/passwords.md.
 */
const PARAMETERS = { memorySize: 19_456, iterations: 2, parallelism: 1 };
const PREFIX = `$argon2id$v=19$m=${PARAMETERS.memorySize},t=${PARAMETERS.iterations},p=${PARAMETERS.parallelism}$`;

/** Of nobody: checked where there is no user, so that both ways take the same time. */
const NOBODY = `${PREFIX}${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** One text for all the ways to type it, as NIST SP 800-63B (5.1.1.2) has it. */
const normal = (password: string): string => password.normalize('NFKC');

/** A hash in PHC string format, with parameters and salt in it. Takes some 60 ms of CPU and 19 MiB. */
export const hashPassword = (password: string): Promise<string> =>
  argon2id({ ...PARAMETERS, password: normal(password), salt: randomBytes(16), hashLength: 32, outputType: 'encoded' });

/** Whether a password is the one hashed. Without a hash it is not, after the same time. */
export async function isPassword(password: string, hash: string | undefined): Promise<boolean> {
  if (!password) return false;
  const matches = await argon2Verify({ password: normal(password), hash: hash ?? NOBODY });
  return matches && hash !== undefined;
}

/** Whether a hash was made with other parameters than today's. */
export const isOutdated = (hash: string): boolean => !hash.startsWith(PREFIX);
