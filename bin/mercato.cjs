#!/usr/bin/env node
// The way in for every npm script. Plain JavaScript without dependencies, because it runs right after `git clone`,
// and CommonJS, because an old Node.js must get far enough to read the first sentence.
const [major, minor] = process.versions.node.split('.').map(Number);
// 20.9 is the first release of 20 with long-term support
if (major < 20 || (major === 20 && minor < 9)) {
  console.error('Mercato needs Node.js 20.9 or newer, and this is %s.', process.version);
  console.error('Install a newer one from https://nodejs.org and run the same command again.');
  process.exit(1);
}
require('./bootstrap.cjs').main(process.argv.slice(2));
