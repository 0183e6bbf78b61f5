'use strict';
module.exports = {
  preset: '../../jest.preset.js',
  displayName: 'ledger-dynamodb',
  testMatch: ['<rootDir>/src/**/*.stack.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '../../infra/local/jest/dynamodb.js',
  globalTeardown: '../../infra/local/jest/teardown.js',
};
