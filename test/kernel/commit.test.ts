import { ConditionFailed, commit, commitIf } from '../../lambdas/kernel/commit';
import { documents } from '../../lambdas/kernel/documents';
import type { Platform } from '../support/platform';
import { key, openThings, Thing, things } from './things';

let on: Platform;
beforeAll(async () => {
  on = await openThings();
});
afterAll(() => on.close());

describe('conditions hold back a write and all that goes with it', () => {
  test.each([
    ['exists: false', { exists: false }, false],
    ['exists: true', { exists: true }, true],
    ['equals', { equals: { n: 5 } }, true],
    ['equals another', { equals: { n: 6 } }, false],
    ['equals absence', { equals: { by: undefined } }, true],
    ['equals absence of what is there', { equals: { n: undefined } }, false],
    ['below', { below: { n: 6 } }, true],
    ['below its own value', { below: { n: 5 } }, false],
    ['below, for what is absent', { below: { later: 'x' } }, true],
    ['oneOf', { oneOf: { n: [4, 5] } }, true],
    ['oneOf others', { oneOf: { n: [1] } }, false],
    ['shorter', { shorter: { list: 3 } }, true],
    ['shorter than it is long', { shorter: { list: 2 } }, false],
  ])('%s', async (_, condition, holds) => {
    const [one, other] = [key(), key()];
    const stored = things.put({ ...one, n: 5, list: [1, 2] });
    await commit({ writes: [stored] });
    const outcome = await commitIf({
      writes: [things.put({ ...other, n: 1 }, { exists: false }), things.update(one, { set: { n: 7 } }, condition)],
    });
    expect(outcome).toBe(holds);
    expect((await things.find(Thing, one))?.n).toBe(holds ? 7 : 5);
    expect((await things.find(Thing, other))?.n).toBe(holds ? 1 : undefined);
    // alone, and as a mere check, it holds just the same
    await commit({ writes: [stored] });
    expect(await commitIf({ writes: [things.check(one, condition), things.put({ ...other, n: 2 })] })).toBe(holds);
    expect(await commitIf({ writes: [things.delete(one, condition)] })).toBe(holds);
  });

  test('names the first write at fault, and lets other errors rise', async () => {
    const writes = [things.put({ ...key(), n: 1 }), things.update(key(), { set: { n: 1 } }, { exists: true })];
    await expect(commit({ writes })).rejects.toEqual(new ConditionFailed([1]));
    await expect(commitIf({ writes: [things.put({ pk: '', sk: '' })] })).rejects.toThrow(/empty string|not valid/);
  });
});

test('a change sets, removes, adds, appends and sets once', async () => {
  const one = key();
  await commit({ writes: [things.update(one, { add: { n: 2 }, append: { list: [1] }, setOnce: { by: 'first' } })] });
  await commit({
    writes: [things.update(one, { add: { n: 3 }, append: { list: [2, 3] }, setOnce: { by: 'second' } })],
  });
  expect(await things.find(Thing, one)).toEqual({ ...one, n: 5, list: [1, 2, 3], by: 'first' });
  await commit({ writes: [things.update(one, { set: { n: 9, by: undefined, list: undefined } })] });
  expect(await things.find(Thing, one, true)).toEqual({ ...one, n: 9 });
});

test('twenty who add at once are all counted', async () => {
  const one = key();
  const add = () => commit({ writes: [things.update(one, { add: { n: 1 } }), things.put({ ...key(), n: 1 })] });
  await Promise.all(Array.from({ length: 20 }, add));
  expect((await things.find(Thing, one))?.n).toBe(20);
});

test('what adds or appends does so once when the answer is lost and the call repeated', async () => {
  const one = key();
  const { requestHandler } = documents.config;
  const handle = requestHandler.handle.bind(requestHandler);
  const lossy = jest.spyOn(requestHandler, 'handle').mockImplementationOnce(async (...request) => {
    await handle(...request);
    throw Object.assign(new Error('lost'), { name: 'TimeoutError' });
  });
  await commit({ writes: [things.update(one, { add: { n: 1 }, append: { list: [1] } })] });
  expect(lossy).toHaveBeenCalledTimes(2);
  lossy.mockRestore();
  expect(await things.find(Thing, one)).toEqual({ ...one, n: 1, list: [1] });
});

test('many are found at once, those that exist', async () => {
  const keys = Array.from({ length: 5 }, (_, n) => key(n));
  await Promise.all(keys.slice(1).map((one, n) => commit({ writes: [things.put({ ...one, n })] })));
  expect((await things.findMany(Thing, keys)).map(({ n }) => n).sort()).toEqual([0, 1, 2, 3]);
  expect(await things.findMany(Thing, [])).toEqual([]);
});
