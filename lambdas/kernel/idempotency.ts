import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import * as z from 'zod';
import { expiry } from './clock';
import { invalid } from './problem';
import { table, type Write } from './table';

/** Twice the 24 hours promised: a client that repeats after a day is still safe across time zones and outages. */
const KEPT_SECONDS = 48 * 3_600;

export interface Answer {
  status: number;
  body: unknown;
  headers: Record<string, string>;
}

/** Thrown in place of a second effect: the first answer for the same `Idempotency-Key`. */
export class Replay extends Error {
  override readonly name = 'Replay';
  constructor(readonly answer: Answer) {
    super('answered before');
  }
}

const Stored = z.object({ iv: z.string(), tag: z.string(), answer: z.string() });

/**
 * One call's `Idempotency-Key`. The record is keyed by a hash of caller, route and key, and its answer is sealed
 * (AES-256-GCM) with a key made from the Idempotency-Key and the body: whoever reads the table learns nothing of it, and
 * the same key with another body cannot open it. https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export class Idempotency {
  private readonly key: { pk: string; sk: string };
  private readonly sealingKey: Buffer;
  private answer: Answer | undefined;

  constructor(caller: string, route: string, key: string, body: string) {
    const name = createHash('sha256')
      .update(JSON.stringify([caller, route, key]))
      .digest('hex');
    this.key = { pk: `IDEMPOTENCY#${name}`, sk: 'IDEMPOTENCY' };
    // by its digest: HKDF takes 1 KB at the most
    const info = createHash('sha256').update(body).digest();
    this.sealingKey = Buffer.from(hkdfSync('sha256', key, name, info, 32));
  }

  /** Sets what is to be answered to this call and its repeats. Call it before the commit. */
  remember(answer: Answer): this {
    this.answer = answer;
    return this;
  }

  /** The write of the record, for the transaction that has the effect. */
  write(): Write {
    if (!this.answer) throw new Error('no answer to remember for the Idempotency-Key');
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.sealingKey, iv);
    const sealed = Buffer.concat([cipher.update(JSON.stringify(this.answer)), cipher.final()]);
    return table().put(
      {
        ...this.key,
        iv: iv.toString('base64'),
        tag: cipher.getAuthTag().toString('base64'),
        answer: sealed.toString('base64'),
        expires_at: expiry(KEPT_SECONDS),
      },
      { exists: false },
    );
  }

  /**
   * Throws the `Replay` of a first answer if there is one; 422 if it was given to another body. One read.
   * Needed wherever a call fails before its commit: what it finds changed may be its own first effect.
   */
  async replayIfAnswered(): Promise<void> {
    const stored = await table().find(Stored, this.key);
    if (!stored) return;
    let text: string;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.sealingKey, Buffer.from(stored.iv, 'base64'));
      decipher.setAuthTag(Buffer.from(stored.tag, 'base64'));
      text = decipher.update(stored.answer, 'base64', 'utf8') + decipher.final('utf8');
    } catch {
      throw invalid([{ path: 'Idempotency-Key', message: 'was used before with another body' }]);
    }
    throw new Replay(JSON.parse(text) as Answer);
  }

  /** As `replayIfAnswered`, where an answer must be there. */
  async replay(): Promise<never> {
    await this.replayIfAnswered();
    throw new Error('the record of the Idempotency-Key vanished');
  }
}
