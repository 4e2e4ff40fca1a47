import { documents } from '../../lambdas/kernel/documents';
import { sqs } from '../../lambdas/kernel/queue';
import { kinesis } from '../../lambdas/receipts/stream';

test.each([
  ['DynamoDB', documents],
  ['SQS', sqs],
  ['Kinesis', kinesis],
])('what is sent to %s is not copied for a log that nobody reads', (_, { middlewareStack }) => {
  expect(middlewareStack.identify().filter((name) => name.startsWith('loggerMiddleware'))).toEqual([]);
});
