'use strict';
module.exports = {
  preset: '../../jest.preset.js',
  displayName: 'event-log-kafka',
  testMatch: ['<rootDir>/src/**/*.stack.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/../../infra/local/jest/kafka.js',
  globalTeardown: '<rootDir>/../../infra/local/jest/teardown.js',
};
