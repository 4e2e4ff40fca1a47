const Sequencer = require('@jest/test-sequencer').default;

/** Those that wait a lot, or are the longest: begun first, they run beside those that work. */
const FIRST = [
  'e2e/roles',
  'contracts/input',
  'e2e/operations',
  'mailings/trouble',
  'e2e/mailings-clock',
  'contracts/access',
  'contracts/conventions',
  'e2e/console',
  'mailings/exactly-once',
];

const rank = ({ path }) => {
  const found = FIRST.findIndex((one) => path.includes(`test/${one}`));
  return found < 0 ? FIRST.length : found;
};

/** As Jest orders tests, which is by size where nothing is known of their time. */
module.exports = class WaitingFirst extends Sequencer {
  sort(tests) {
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
};
