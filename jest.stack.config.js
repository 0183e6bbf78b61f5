'use strict';
// `npm run test:stack`: the specs that need the parts users run, Kafka and DynamoDB Local. See infra/local/README.md.
const preset = require('./jest.preset.js');

// The contract suites on memory and LevelDB too, so that one list has every adapter beside the real part.
const contracts = { 'event-log': 'memory', 'event-log-level': 'log', ledger: 'memory', 'ledger-level': 'ledger' };
const embedded = Object.entries(contracts).map(([project, spec]) => ({
  ...preset,
  rootDir: `${__dirname}/libs/${project}`,
  displayName: project,
  testMatch: [`<rootDir>/src/${spec}.spec.ts`],
}));

module.exports = {
  projects: [...embedded, '<rootDir>/libs/*/jest.stack.config.js', '<rootDir>/infra/local/jest.stack.config.js'],
  verbose: true,
};
