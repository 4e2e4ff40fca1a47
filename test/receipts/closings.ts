import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { documents } from '../../lambdas/kernel/documents';
import { closeHours } from '../../lambdas/receipts/closing';
import { openReceipts } from './shop';

/** Receipts of their own for a test, with those who look at what closings made of them. */
export async function openClosings() {
  const receipts = await openReceipts();
  const { p, get } = receipts;
  const TableName = p.named('Receipts/Api').environment['TABLE_NAME'];
  return {
    ...receipts,
    TableName,
    close: () => p.run('Receipts/Close', {}),
    runs: async () => (await get('/api/analytics/runs/')).body.results,

    /** As the function does that has so many milliseconds left. */
    closeWithin(remainingMs: () => number) {
      Object.assign(process.env, p.named('Receipts/Close').environment);
      return closeHours(remainingMs);
    },

    /** Writes something wrong into a place's totals of the hour of `some`. */
    async spoil(place: string): Promise<void> {
      const UpdateExpression = 'ADD amount :one';
      const Key = { pk: `TOTALS#${place}`, sk: 'HOUR#2026-01-31T12#0' };
      const ExpressionAttributeValues = { ':one': 1 };
      await documents.send(new UpdateCommand({ TableName, Key, UpdateExpression, ExpressionAttributeValues }));
    },
  };
}
export type Closings = Awaited<ReturnType<typeof openClosings>>;
