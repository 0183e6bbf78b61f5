#!/usr/bin/env node
'use strict';
// The floor of package.json's pinned Node. `doctor` runs on anything: it says what is wrong.
const MAJOR_MIN = 24;
if (Number(process.versions.node.split('.')[0]) < MAJOR_MIN && process.argv[2] !== 'doctor') {
  process.stderr.write(`meridian: Node ${MAJOR_MIN} or newer is needed and this is ${process.version}. Start it through npm (npm start, npx meridian …), which brings its own.\n`);
  process.exit(1);
}
require('../dist/main.js');
