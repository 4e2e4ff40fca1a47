import fc from 'fast-check';
import { type Hours, isOpen, isZone, nextClosing, nextOpening } from '../../lambdas/mailings/window';

const at = (text: string): number => Date.parse(text);
const iso = (time: number | undefined): string => new Date(time ?? Number.NaN).toISOString();

describe('the next opening of 09:00–18:00', () => {
  const hours = { from: '09:00', to: '18:00' };

  test.each([
    ['Europe/Moscow', '2026-03-02T05:59:00Z', '2026-03-02T06:00:00.000Z'],
    ['Europe/Moscow', '2026-03-02T15:00:00Z', '2026-03-03T06:00:00.000Z'],
    ['Asia/Kathmandu', '2026-03-02T00:00:00Z', '2026-03-02T03:15:00.000Z'],
    ['Pacific/Kiritimati', '2026-03-02T12:00:00Z', '2026-03-02T19:00:00.000Z'],
    ['Pacific/Apia', '2011-12-30T05:00:00Z', '2011-12-30T19:00:00.000Z'],
  ])('in %s after %s is %s', (zone, now, expected) => {
    expect(iso(nextOpening(hours, zone, at(now)))).toBe(expected);
  });

  test('is the instant itself while it is open', () => {
    expect(nextOpening(hours, 'Europe/Moscow', at('2026-03-02T06:00:00Z'))).toBe(at('2026-03-02T06:00:00Z'));
  });
});

describe('when the clock is changed', () => {
  test('hours that begin in the gap begin at its end', () => {
    const hours = { from: '02:30', to: '04:00' };
    expect(iso(nextOpening(hours, 'Europe/Berlin', at('2026-03-29T00:00:00Z')))).toBe('2026-03-29T01:00:00.000Z');
  });

  test('hours within the gap open a day later', () => {
    const hours = { from: '02:10', to: '02:50' };
    expect(iso(nextOpening(hours, 'Europe/Berlin', at('2026-03-29T00:00:00Z')))).toBe('2026-03-30T00:10:00.000Z');
  });

  test('hours within the fold open twice', () => {
    const hours = { from: '02:10', to: '02:50' };
    const first = nextOpening(hours, 'Europe/Berlin', at('2026-10-24T22:00:00Z')) ?? 0;
    const closed = nextClosing(hours, 'Europe/Berlin', first) ?? 0;
    expect([iso(first), iso(closed), iso(nextOpening(hours, 'Europe/Berlin', closed))]).toEqual([
      '2026-10-25T00:10:00.000Z',
      '2026-10-25T00:50:00.000Z',
      '2026-10-25T01:10:00.000Z',
    ]);
  });
});

test('zones are names of the IANA data base', () => {
  expect(['UTC', 'Europe/Moscow', 'America/Argentina/Buenos_Aires'].every(isZone)).toBe(true);
  expect(['+03:00', 'Mars/Olympus', '', 'MSK+3'].some(isZone)).toBe(false);
});

test('openings and closings are those found by looking at each minute', () => {
  const time = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }));
  const text = ([hour, minute]: [number, number]) =>
    `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
  // days on which some of these zones change their clocks, by an hour or by half of one
  const days = ['2026-03-07', '2026-03-28', '2026-04-04', '2026-10-03', '2026-10-24', '2026-10-31', '2026-06-15'];
  const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Tehran', 'America/St_Johns'];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.constantFrom(...days),
      fc.integer({ min: 0, max: 2 * 24 * 60 }),
      time,
      time,
      (zone, day, minutes, from, to) => {
        const hours: Hours = { from: text(from), to: text(to) };
        fc.pre(hours.from !== hours.to);
        const start = at(`${day}T00:00:00Z`) + minutes * 60_000;
        const found = nextOpening(hours, zone, start) ?? Number.NaN;
        let looked = start;
        while (!isOpen(hours, zone, looked) && looked - start < 4 * 86_400_000) looked += 60_000;
        expect(iso(found)).toBe(iso(looked));
        const closes = nextClosing(hours, zone, found) ?? Number.NaN;
        while (isOpen(hours, zone, looked)) looked += 60_000;
        expect(iso(closes)).toBe(iso(looked));
      },
    ),
    { numRuns: 60 },
  );
});
