import { settings } from '../lib/settings';

test.each([
  ['STATS_EMAIL_HOUR', ['24', '-1', '9.5', 'nine'], '23', 'expected a'],
  ['STATS_EMAIL_ZONE', ['Mars/Olympus', '+03:00'], 'Asia/Yekaterinburg', 'expected a time zone such as Europe/Berlin'],
])('a %s that is none is refused by a sentence', (name, wrong, right, sentence) => {
  for (const value of wrong) {
    process.env[name] = value;
    expect(settings).toThrow(`${name} is ${value}, ${sentence}`);
  }
  process.env[name] = right;
  expect(settings).not.toThrow();
  delete process.env[name];
});
