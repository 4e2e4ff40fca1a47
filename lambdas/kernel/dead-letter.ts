import { log } from './log';
import { queueUrl, send } from './queue';

export interface DeadLetter {
  /** Which way it was on, e.g. `tasks`. */
  lane: string;
  payload: unknown;
  reason: string;
  /** How often it was tried. */
  attempts?: number;
}

/** SQS takes message attributes of any length within the message's 256 KB; a reason is for people. */
const REASON_LENGTH = 1_000;

/** SQS refuses a message with any other character: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
export const UNSENDABLE = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const sendable = (text: string): string => text.slice(0, REASON_LENGTH).toWellFormed().replace(UNSENDABLE, '\ufffd');

/** Puts what cannot be worked on at the function's own dead letters, payload and reason kept, and lets the rest go on. */
export async function setAside({ lane, payload, reason, attempts = 1 }: DeadLetter): Promise<void> {
  const at = new Date().toISOString();
  const attributes = { lane, reason: sendable(reason), at, attempts: String(attempts) };
  await send(queueUrl('DEAD_LETTERS'), [{ body: payload, attributes }]);
  log('error', 'set aside', { lane, reason });
}
