const { runs } = require('../../bin/lock.cjs');

// Ends an emulator when the process that it was started for is gone: one that is ended by Ctrl-C tears nothing down.
// Arguments: the emulator's process, the other's.
const [emulator, owner] = process.argv.slice(2).map(Number);

setInterval(() => {
  if (runs(emulator) && runs(owner)) return;
  if (runs(emulator)) process.kill(emulator);
  process.exit();
}, 1_000);
