const { mkdirSync, writeFileSync } = require('node:fs');

/** A failure that the user can do something about: what happened, and the way out. Never shown with a stack trace. */
class Trouble extends Error {
  /**
   * @param {string} what one sentence
   * @param {string} [wayOut] what to do or type next
   */
  constructor(what, wayOut) {
    super(what);
    this.wayOut = wayOut;
  }
}

const colours = process.stdout.isTTY && !process.env.NO_COLOR;
/** @param {string} text */
const dim = (text) => (colours ? `\u001b[2m${text}\u001b[22m` : text);
/** @param {string} text */
const bold = (text) => (colours ? `\u001b[1m${text}\u001b[22m` : text);

// whoever reads the output may have read enough: `npm start | head`
process.stdout.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
  if (error.code !== 'EPIPE') throw error;
});

let lineIsOpen = false;
let quiet = false;
/** Rises when the command is interrupted: steps of before have nothing to say any more. */
let epoch = 0;

/** Prints whole lines, below the step that is under way if there is one. @param {string} text */
function say(text) {
  if (quiet) return;
  process.stdout.write(`${lineIsOpen ? '\n' : ''}${text}\n`);
  lineIsOpen = false;
}

/** Ends the line of the step under way, which is not to be completed: the user interrupts the command. */
function interrupt() {
  epoch++;
  say('');
}

/** From now on nothing but failures is printed: for programs that bring the stack up, such as the tests. */
function beQuiet() {
  quiet = true;
}

/**
 * Starts work whose line is shown later, so that it runs beside the steps before. Its failure waits for that line.
 * @template T @param {() => Promise<T>} work @returns {() => Promise<T>}
 */
function begin(work) {
  const result = work();
  result.catch(() => {});
  return () => result;
}

/**
 * Prints a line when the step begins and completes it with the step's seconds when it ends.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
async function step(name, work) {
  const now = epoch;
  const since = performance.now();
  const open = `  ${name} ${dim('…')} `;
  if (!quiet) process.stdout.write(open);
  lineIsOpen = !quiet;
  /** @param {string} end */
  const close = (end) => {
    if (epoch !== now) return;
    // what was said meanwhile ended the line: it is begun again
    if (!quiet) process.stdout.write(`${lineIsOpen ? '' : open}${end}\n`);
    lineIsOpen = false;
  };
  try {
    const result = await work();
    close(dim(`${((performance.now() - since) / 1000).toFixed(1)} s`));
    return result;
  } catch (error) {
    close('failed');
    throw error;
  }
}

/** Ends the command with exit code 1 and a sentence; what nobody foresaw is kept whole in a file. @param {unknown} error */
function fail(error) {
  process.exitCode = 1;
  if (error instanceof Trouble) {
    process.stderr.write(`\n${bold(error.message)}\n${error.wayOut ? `${error.wayOut}\n` : ''}`);
    return;
  }
  const cause = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`\n${bold(cause.message.split('\n')[0]?.slice(0, 300) ?? 'it failed')}\n`);
  try {
    mkdirSync('.mercato', { recursive: true });
    writeFileSync('.mercato/error.log', `${new Date().toISOString()}\n${cause.stack}\n`);
    process.stderr.write('That should not have happened; the details are in .mercato/error.log.\n');
  } catch {
    process.stderr.write('That should not have happened; there is no place in .mercato to write the details to.\n');
  }
}

module.exports = { Trouble, begin, beQuiet, bold, dim, fail, interrupt, say, step };
