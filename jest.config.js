'use strict';
// Every project in one run: `npm test`. A single project: `npx jest --selectProjects ledger`, or `npx nx test ledger`.
module.exports = { projects: ['<rootDir>/apps/*', '<rootDir>/libs/*', '<rootDir>/bench', '<rootDir>/infra/compose', '<rootDir>/infra/faults', '<rootDir>/infra/local'] };
