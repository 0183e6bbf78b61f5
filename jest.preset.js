'use strict';
// Tests run on the sources of every library, through the export condition `@meridian/source`: no build is needed before `npm test`.
const swc = {
  jsc: {
    target: 'es2024',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    keepClassNames: true,
  },
  module: { type: 'commonjs' },
  sourceMaps: 'inline',
};

module.exports = {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@meridian/source', 'node', 'require', 'default'] },
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
  // They need Java and are run by `npm run test:stack`: see infra/local/README.md.
  testPathIgnorePatterns: ['/node_modules/', '\\.stack\\.spec\\.ts$'],
  moduleFileExtensions: ['ts', 'js', 'json', 'node'],
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
};
