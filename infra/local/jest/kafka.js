'use strict';
// jest's `globalSetup`: one kafka for the specs of this project. It runs built code: `npm ci` and `npm run build` write it.
const { startForTests } = require('../dist/index.js');

module.exports = () => startForTests(['kafka'], ['us-east-1']);
