import { createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { type Principal, ROLES, SCOPES } from './contract';
import { findEnv } from './env';
import { deriveKey, findSecret } from './secret';

/** Long enough for one piece of work; whoever works on the next makes another. */
const SECONDS = 300;

export const Delegator = z.object({
  kind: z.enum(['user', 'api_key']),
  id: z.string(),
  name: z.string(),
  roles: z.array(z.enum(ROLES)),
  scopes: z.array(z.enum(SCOPES)),
});

const Grant = Delegator.extend({ bulk_id: z.string(), expires: z.number() });

async function macOf(text: string): Promise<Buffer> {
  const arn = findEnv('DELEGATION_SECRET_ARN');
  const secret = arn && (await findSecret(arn));
  if (!secret) throw new Error('nothing is done here in the name of others');
  return createHmac('sha256', deriveKey(secret, 'delegation')).update(text).digest();
}

/** The right to call the API in somebody's name as a part of a bulk action, for five minutes: `Authorization: Delegation …`. */
export async function delegate(by: z.output<typeof Delegator>, bulk_id: string): Promise<string> {
  const grant: z.output<typeof Grant> = { ...Delegator.parse(by), bulk_id, expires: Date.now() + SECONDS * 1_000 };
  const text = Buffer.from(JSON.stringify(grant)).toString('base64url');
  return `${text}.${(await macOf(text)).toString('base64url')}`;
}

/** In whose name a delegation lets call; undefined when it is not one of ours, or over, or not taken here. */
export async function delegatedBy(delegation: string): Promise<Principal | undefined> {
  const [text = '', given = ''] = delegation.split('.');
  if (!findEnv('DELEGATION_SECRET_ARN')) return undefined;
  const mac = await macOf(text);
  const bytes = Buffer.from(given, 'base64url');
  if (bytes.length !== mac.length || !timingSafeEqual(bytes, mac)) return undefined;
  const { expires, ...principal } = Grant.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
  return expires > Date.now() ? principal : undefined;
}
