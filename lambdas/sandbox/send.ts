import * as z from 'zod';
import { expiry } from '../kernel/clock';
import { table, writeOne } from '../kernel/table';
import type { Answer, Request } from './stand-in';

const Msg = z.object({
  id: z.union([z.string(), z.number()]),
  phone: z.union([z.string(), z.number()]),
  text: z.string(),
});
const KEPT_SECONDS = 24 * 3_600;
/** A phone number that ends so is refused for good. */
const NOBODY = /0000$/;

/**
 * The send service: `POST /v1/send/{msgId}` with a bearer token. It knows a message by its id: a repeat is answered as the
 * first one and changes nothing. `GET /v1/sent/{msgId}` shows how often it was asked for an id whose text says "remember";
 * others cost no write, so that it is as fast as a stand-in can be.
 */
export async function sendService({ method, path, header, body }: Request): Promise<Answer> {
  const [, verb, id = ''] = /^\/v1\/(send|sent)\/([^/]+)$/.exec(path) ?? [];
  const messages = table();
  const key = { pk: `SENT#${id}`, sk: 'SENT' };
  if (verb === 'sent' && method === 'GET') {
    const found = await messages.find(z.object({ times: z.number(), text: z.string() }), key);
    return found ? { status: 200, body: found } : { status: 404, body: { code: 404, message: 'unknown id' } };
  }
  if (verb !== 'send' || method !== 'POST') return { status: 404, body: { code: 404, message: 'not found' } };
  if (!/^Bearer \S+$/.test(header('authorization') ?? '')) {
    return { status: 401, body: { code: 401, message: 'a bearer token is needed' } };
  }
  const message = Msg.safeParse(parse(body));
  if (!message.success || String(message.data.id) !== id) {
    return { status: 400, body: { code: 400, message: 'expected {id, phone, text}' } };
  }
  if (NOBODY.test(String(message.data.phone))) {
    return { status: 400, body: { code: 400, message: 'there is no such phone number' } };
  }
  const { text } = message.data;
  if (/remember/i.test(text)) {
    await writeOne(messages.update(key, { add: { times: 1 }, set: { text, expires_at: expiry(KEPT_SECONDS) } }));
  }
  return { status: 200, body: { code: 0, message: 'OK' } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
