import { DeleteMessageBatchCommand, type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { inParallel } from '../kernel/parallel';
import { sqs } from '../kernel/queue';
import { type Lane, lanes } from './lanes';
import { keepLetter, type StoredLetter } from './letters';

/** Queues looked into at once: all, for nearly all of the time is patience. */
const AT_ONCE = 40;
/** A second of patience asks all of SQS's servers; none asks a part of them and may find nothing. */
const WAIT_SECONDS = 1;

/** What the platform says when it gives up a record of a stream: no more than where it was. */
const GIVEN_UP = 'requestContext';

function reasonOf({ Body = '', MessageAttributes = {} }: Message): string {
  const reason = MessageAttributes['reason']?.StringValue ?? MessageAttributes['ERROR_MESSAGE']?.StringValue;
  if (reason) return reason;
  return Body.includes(GIVEN_UP)
    ? 'the records of a stream were given up after all retries; the payload says where they are'
    : 'its function died or timed out each time';
}

function letterOf(lane: Lane, message: Message): StoredLetter {
  const { MessageId = '', Body = '', Attributes = {}, MessageAttributes = {} } = message;
  const sent = new Date(Number(Attributes['SentTimestamp'] ?? Date.now())).toISOString();
  const attempts = MessageAttributes['attempts']?.StringValue;
  return {
    message_id: MessageId,
    lane: lane.name,
    context: lane.context,
    role: lane.role,
    payload: Body,
    reason: reasonOf(message),
    since: MessageAttributes['at']?.StringValue ?? sent,
    attempts: attempts ? Number(attempts) : null,
    edited: false,
    state: 'open',
    ended_at: null,
    ended_by: null,
  };
}

/** Takes up to ten dead letters of a lane to the desk: kept first, deleted from the queue then. @returns how many */
async function take(lane: Lane, QueueUrl: string): Promise<number> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: WAIT_SECONDS,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['SentTimestamp'],
    }),
  );
  if (!Messages.length) return 0;
  for (const message of Messages) await keepLetter(letterOf(lane, message));
  const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
  await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  return Messages.length;
}

/** Takes all dead letters of all lanes to the desk, as long as there is time. @returns how many */
export async function collect(hasTime: () => boolean): Promise<number> {
  let taken = 0;
  await inParallel(AT_ONCE, lanes(), async (lane) => {
    for (let some = 1; lane.deadLetters && some && hasTime(); ) {
      some = await take(lane, lane.deadLetters);
      taken += some;
    }
  });
  return taken;
}
