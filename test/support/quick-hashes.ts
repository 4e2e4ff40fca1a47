import type * as HashWasm from 'hash-wasm';

const WEAK = 'm=8,t=1,p=1';

/** Hashes of passwords at a thousandth of their cost, where that is not what a test is about; they look like any other. */
jest.mock('hash-wasm', (): typeof HashWasm => {
  const real = jest.requireActual<typeof HashWasm>('hash-wasm');
  const shown = /m=\d+,t=\d+,p=\d+/;
  let asked = '';
  return {
    ...real,
    argon2id: (async (options: Parameters<typeof HashWasm.argon2id>[0]) => {
      asked = `m=${options.memorySize},t=${options.iterations},p=${options.parallelism}`;
      const hash = await real.argon2id({ ...options, memorySize: 8, iterations: 1, outputType: 'encoded' });
      return hash.replace(WEAK, asked);
    }) as typeof HashWasm.argon2id,
    argon2Verify: ({ hash, ...rest }) => real.argon2Verify({ ...rest, hash: hash.replace(shown, WEAK) }),
  };
});
