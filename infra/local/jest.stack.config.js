'use strict';
module.exports = {
  preset: '../../jest.preset.js',
  displayName: 'local',
  testMatch: ['<rootDir>/src/**/*.stack.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};
