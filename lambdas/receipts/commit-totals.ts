import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { type Commit, commit } from '../kernel/commit';
import { newId } from '../kernel/id';
import { partOf } from './totals';

/** Whether DynamoDB refused a write for an item that would be larger than it may be (400 KB). */
export const isTooBig = (error: unknown): boolean =>
  error instanceof Error &&
  /size/i.test(
    error instanceof TransactionCanceledException
      ? JSON.stringify(error.CancellationReasons)
      : error.name === 'ValidationException'
        ? error.message
        : '',
  );

/**
 * Commits what adds to a lane's part of totals. An hour with so many categories that its item is full goes on in another
 * part: a total is the sum of its parts. @throws as `commit` does
 */
export async function commitTotals(lane: string, ofPart: (part: string) => Commit): Promise<void> {
  try {
    await commit(ofPart(partOf(lane)));
  } catch (error) {
    if (!isTooBig(error)) throw error;
    await commit(ofPart(newId()));
  }
}
