'use strict';
// jest's `globalTeardown`: ends what `globalSetup` started.
const { stopAfterTests } = require('../dist/index.js');

module.exports = () => stopAfterTests();
