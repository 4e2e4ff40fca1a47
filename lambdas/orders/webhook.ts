import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import * as z from 'zod';
import { now, secondsAfter, timestamp } from '../kernel/clock';
import { ConditionFailed, commit } from '../kernel/commit';
import { unauthorized } from '../kernel/credentials';
import type { Handler } from '../kernel/http';
import { conflict } from '../kernel/problem';
import { contextKey } from '../kernel/secret';
import { type Key, table } from '../kernel/table';
import type { Operations } from './contract';
import { WebhookSecret } from './schema';

const secrets = table();

/** The owner of the secret that signs between this shop's own consumer and producer. It has one version. */
export const MERCATO = 'mercato';

/** The older secret signs too for a day, so that a receiver can change over in its own time. */
const OVERLAP_SECONDS = 24 * 3_600;
/** Secrets of one owner that may sign at once. */
const VERSIONS = 5;

/** What is kept of an owner's secrets: numbers and times. The secrets themselves are derived. */
const Versions = z.object({
  version: z.number(),
  since: z.string().nullable(),
  previous: z.array(z.object({ version: z.number(), until: z.string() })),
});
type Versions = z.output<typeof Versions>;

const FIRST: Versions = { version: 1, since: null, previous: [] };

const secretKey = (owner: string): Key => ({ pk: `WEBHOOK_SECRET#${owner}`, sk: 'WEBHOOK_SECRET' });

const find = async (owner: string): Promise<Versions> =>
  owner === MERCATO ? FIRST : ((await secrets.find(Versions, secretKey(owner))) ?? FIRST);

/** 32 bytes, within the 24 to 64 that Standard Webhooks asks for. */
async function derive(owner: string, version: number): Promise<string> {
  const bytes = createHmac('sha256', await contextKey('webhook-secrets')).update(`${owner}\n${version}`);
  return `whsec_${bytes.digest('base64')}`;
}

const active = ({ previous }: Versions) => previous.filter(({ until }) => until > now().toISOString());

async function activeSecrets(owner: string): Promise<string[]> {
  const versions = await find(owner);
  return Promise.all([versions, ...active(versions)].map(({ version }) => derive(owner, version)));
}

/** The headers of one attempt at a delivery, signed with all secrets of the owner that count. Real time. */
export async function sign(owner: string, id: string, payload: string): Promise<Record<string, string>> {
  const at = new Date();
  const signatures = (await activeSecrets(owner)).map((secret) => new Webhook(secret).sign(id, at, payload));
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': signatures.join(' '),
  };
}

/** @throws Problem 401 when the owner did not sign the payload, or not within the last five minutes of real time */
export async function verify(
  owner: string,
  payload: string,
  header: (name: string) => string | undefined,
): Promise<void> {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];
  const headers = Object.fromEntries(names.map((name) => [name, header(name) ?? '']));
  let reason = '';
  for (const secret of await activeSecrets(owner)) {
    try {
      new Webhook(secret).verify(payload, headers, { jsonParse: false });
      return;
    } catch (error) {
      reason = (error as Error).message;
    }
  }
  throw unauthorized(`the webhook's signature is not valid: ${reason}`);
}

async function shown(owner: string, versions: Versions): Promise<z.input<typeof WebhookSecret>> {
  const [previous] = active(versions);
  return {
    secret: await derive(owner, versions.version),
    version: versions.version,
    since: versions.since,
    previous_until: previous?.until ?? null,
  };
}

export const getWebhookSecret: Handler<Operations['getWebhookSecret']> = async ({ principal }) =>
  shown(principal.id, await find(principal.id));

export const rotateWebhookSecret: Handler<Operations['rotateWebhookSecret']> = async ({ principal, idempotency }) => {
  const before = await find(principal.id);
  const until = secondsAfter(now(), OVERLAP_SECONDS);
  const versions: Versions = {
    version: before.version + 1,
    since: timestamp(),
    previous: [{ version: before.version, until }, ...active(before)].slice(0, VERSIONS - 1),
  };
  const body = await shown(principal.id, versions);
  const unchanged = before === FIRST ? { exists: false } : { equals: { version: before.version } };
  try {
    await commit({
      writes: [secrets.put({ ...secretKey(principal.id), ...versions }, unchanged)],
      idempotency: idempotency?.remember({ status: 201, body: WebhookSecret.parse(body), headers: {} }),
    });
  } catch (error) {
    if (error instanceof ConditionFailed) throw conflict('the secret is being rotated by another call');
    throw error;
  }
  return body;
};
