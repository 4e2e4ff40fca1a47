import '../../bin/quiet.cjs';

// functions log a line a call: in tests they are only of use when one is looked for
if (!process.env['MERCATO_LOGS']) {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = ((text: string, ...rest: never[]) =>
    typeof text === 'string' && text.startsWith('{"level":') ? true : write(text, ...rest)) as typeof write;
}
