'use strict';
// jest's `globalSetup`: one dynamodb for the specs of this project. It runs built code: `npm ci` and `npm run build` write it.
const { startForTests } = require('../dist/index.js');

module.exports = () => startForTests(['dynamodb'], ['us-east-1']);
