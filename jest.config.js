const common = {
  transform: { '^.+\\.[tj]s$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }] },
  transformIgnorePatterns: ['/node_modules/(?!(@faker-js|@middy|jose|uuid)/)'],
  setupFiles: ['<rootDir>/test/support/setup.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.mercato', '<rootDir>/dist'],
  globalTeardown: '<rootDir>/test/support/emulator-teardown.ts',
};

/** @type {import('jest').Config} */
module.exports = {
  testTimeout: 60_000,
  // on two cores: one of three mostly waits
  maxWorkers: 3,
  testSequencer: '<rootDir>/test/support/waiting-first.cjs',
  coverageThreshold: { global: { branches: 90 } },
  collectCoverageFrom: ['lambdas/**/*.ts', '!lambdas/**/*.lambda.ts'],
  projects: [
    {
      ...common,
      displayName: 'parts',
      globalSetup: '<rootDir>/test/support/emulator-setup.ts',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/e2e/', '<rootDir>/test/chaos/'],
    },
    {
      ...common,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.test.ts'],
      globalSetup: '<rootDir>/test/support/deploy-setup.ts',
    },
    {
      // minutes of waiting for schedules: `npm run chaos -- neighbours`
      ...common,
      displayName: 'chaos',
      testMatch: ['<rootDir>/test/chaos/**/*.test.ts'],
    },
  ],
};
