'use strict';
// `npm run test:stack`: the specs that need the parts users run, Kafka and DynamoDB Local. See infra/local/README.md.
module.exports = { projects: ['<rootDir>/libs/*/jest.stack.config.js', '<rootDir>/infra/local/jest.stack.config.js'] };
