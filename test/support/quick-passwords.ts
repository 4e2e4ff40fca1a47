/**
 * For tests of what is not the hashing: passwords are hashed with a thousandth of the memory and time, and the hashes say
 * that it was all of it.
 */
jest.mock('hash-wasm', () => {
  const { argon2id, argon2Verify } = jest.requireActual<typeof import('hash-wasm')>('hash-wasm');
  type Options = Parameters<typeof argon2id>[0] & { outputType: 'encoded' };
  return {
    argon2id: async (options: Options) => {
      const hash = await argon2id({ ...options, memorySize: 16, iterations: 1 });
      return hash.replace('m=16,t=1', `m=${options.memorySize},t=${options.iterations}`);
    },
    argon2Verify: ({ password, hash }: { password: string; hash: string }) =>
      argon2Verify({ password, hash: hash.replace(/m=\d+,t=\d+/, 'm=16,t=1') }),
  };
});
