const { existsSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { installPackages } = require('./packages.cjs');
const { Trouble, fail } = require('./screen.cjs');

const ROOT = resolve(__dirname, '..');
/** Commands that only look at what is there: they must not install half a gigabyte to say "nothing runs". */
const LOOKING = ['info', 'down'];

/**
 * Installs the packages when they are missing or out of step, then hands over to the commands in TypeScript.
 * Sets the process's exit code; prints a sentence and a way out for every failure.
 * @param {string[]} args the command and its own arguments
 */
async function main([command = 'help', ...args]) {
  try {
    process.chdir(ROOT);
    if (!LOOKING.includes(command)) await installPackages(ROOT);
    else if (!existsSync(join(ROOT, 'node_modules', 'tsx'))) {
      throw new Trouble('Mercato is not running: it was never started here.', 'Start it with: npm start');
    }
    if (command === 'install') return;
    require('./quiet.cjs');
    require('tsx/cjs');
    await require('./commands.ts').run(command, args);
  } catch (error) {
    fail(error);
  }
}

module.exports = { main };
