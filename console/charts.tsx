import { Box, LinearProgress, Typography, useTheme } from '@mui/material';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { operations } from './api';
import type { AspectProps } from './aspects';
import { usePeriod } from './period';
import { fieldsOf, inWords } from './schema';
import { useAnswer } from './use-answer';
import { Fields, Rows } from './value';

export interface Line {
  label: string;
  values: (number | null)[];
  /** Holds its value until the next one. */
  stepped?: boolean;
  bars?: boolean;
}

const HEIGHT = 220;

/** Bars stand on nothing; lines have a little room above and below. */
const rangeOf = (low: number, high: number, fromZero = false): [number, number] => {
  const room = (high - low) * 0.1 || 1;
  return [fromZero ? 0 : low - room, high + room];
};

const HALF_AN_HOUR = 1_800;

/** Bars are seen whole, and one alone has room. */
const spanOf = (first: number, last: number, steps: number): [number, number] => {
  const half = Math.max((last - first) / (2 * steps), HALF_AN_HOUR);
  return [first - half, last + half];
};

/** Lines or bars over time, with what they say in words for those who do not see them. */
export function Chart({ title, times, lines }: { title: string; times: number[]; lines: Line[] }) {
  const place = useRef<HTMLDivElement>(null);
  const { palette } = useTheme();
  useEffect(() => {
    const at = place.current;
    if (!at) return undefined;
    const colours = [palette.primary.main, palette.warning.main, palette.error.main, palette.info.main];
    const axis = {
      stroke: palette.text.secondary,
      grid: { stroke: palette.divider },
      ticks: { stroke: palette.divider },
    };
    const series = lines.map(({ label, stepped, bars }, index): uPlot.Series => {
      const stroke = colours[index % colours.length] ?? palette.primary.main;
      const paths = bars
        ? uPlot.paths.bars?.({ size: [0.7, 40] })
        : stepped
          ? uPlot.paths.stepped?.({ align: 1 })
          : undefined;
      return {
        label,
        stroke,
        width: 2,
        ...(paths && { paths }),
        ...(bars && { fill: `${stroke}99` }),
        points: { show: !bars && !stepped },
      };
    });
    const hasBars = lines.some(({ bars }) => bars);
    const plot = new uPlot(
      {
        width: at.clientWidth,
        height: HEIGHT,
        series: [{}, ...series],
        axes: [axis, axis],
        scales: {
          ...(hasBars && { x: { range: (_, first, last) => spanOf(first ?? 0, last ?? 0, times.length) } }),
          y: { range: (_, low, high) => rangeOf(low ?? 0, high ?? 1, hasBars) },
        },
      },
      [times, ...lines.map(({ values }) => values)],
      at,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height: HEIGHT }));
    observer.observe(at);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, lines, palette]);
  const words = lines.map(({ label, values }) => {
    const known = values.filter((one) => one !== null);
    return known.length
      ? `${label}: ${known.length} values, ${Math.min(...known)} to ${Math.max(...known)}, last ${known.at(-1)}`
      : `${label}: none`;
  });
  return (
    <Box
      ref={place}
      role="img"
      aria-label={`${title}. ${words.join('. ')}`}
      sx={{ width: '100%', minHeight: HEIGHT }}
    />
  );
}

const seconds = (at: string): number => Date.parse(at) / 1_000;
const amount = (text: string | null): number | null => (text === null ? null : Number(text));

interface PriceReport {
  from: string;
  to: string;
  lowest: {
    price_at_start: string | null;
    price_at_end: string | null;
    change_percent: string | null;
    points: { at: string; price: string | null; lowest_30_days: string | null }[];
  };
  lowest_30_days: { before: string; price: string | null };
}

/** The lowest price over time, and what it had been in the thirty days before each change. */
export function Prices({ name, params }: AspectProps) {
  const { data, problem } = useAnswer<PriceReport>(name, params);
  if (!data) return <Typography variant="body2">{problem ?? ''}</Typography>;
  const { lowest, from, to, lowest_30_days: prior } = data;
  // before the first price there is nothing to show
  const begin = lowest.price_at_start === null ? (lowest.points[0]?.at ?? from) : from;
  const times = [seconds(begin), ...lowest.points.map(({ at }) => seconds(at)), seconds(to)];
  const lines = [
    {
      label: 'Lowest price',
      stepped: true,
      values: [lowest.price_at_start, ...lowest.points.map(({ price }) => price), lowest.price_at_end].map(amount),
    },
    {
      label: 'Lowest of the 30 days before',
      stepped: true,
      values: [null, ...lowest.points.map(({ lowest_30_days }) => lowest_30_days), prior.price].map(amount),
    },
  ];
  return (
    <>
      <Chart title="Price history" times={times} lines={lines} />
      <Typography variant="body2">
        {lowest.change_percent !== null && `Change over the period: ${lowest.change_percent} %. `}
        {`Lowest price of the last 30 days: ${prior.price ?? 'none'}.`}
      </Typography>
    </>
  );
}

export interface Sums {
  total_purchases: number;
  total_amount: string;
  average_receipt: string;
  taxes_amount: { total_nds: string; total_tips: string };
  category_analytics: Record<string, { total_spent: string; quantity: number; average_receipt: string }>;
  intervals: { start: string; purchases: number; total_amount: string }[];
}

const CATEGORY = fieldsOf({
  properties: {
    category: { type: 'string' },
    total_spent: { type: 'string' },
    quantity: { type: 'integer' },
    average_receipt: { type: 'string' },
  },
});

/** Receipts over time, and what was spent on each category. */
export function SumsChart({ title, sums }: { title: string; sums: Sums }) {
  const { intervals, category_analytics, total_purchases, total_amount, average_receipt, taxes_amount } = sums;
  const categories = Object.entries(category_analytics)
    .map(([category, values]) => ({ category, ...values }))
    .sort((a, b) => Number(b.total_spent) - Number(a.total_spent));
  return (
    <>
      <Typography variant="body2">
        {`${total_purchases.toLocaleString()} receipts, ${total_amount} in all, ${average_receipt} on average; NDS ${taxes_amount.total_nds}, tips ${taxes_amount.total_tips}.`}
      </Typography>
      {intervals.length > 0 && (
        <Chart
          title={title}
          times={intervals.map(({ start }) => seconds(start))}
          lines={[{ label: 'Receipts', bars: true, values: intervals.map(({ purchases }) => purchases) }]}
        />
      )}
      {categories.length > 0 && <Rows fields={CATEGORY} rows={categories} />}
    </>
  );
}

export function PlaceSums({ name, params }: AspectProps) {
  const { query, select } = usePeriod('Last 7 days');
  const { data, problem } = useAnswer<Sums>(name, { ...params, query }, 10_000);
  return (
    <>
      {select}
      {problem && <Typography color="error">{problem}</Typography>}
      {data && <SumsChart title={`Receipts per ${query.interval}`} sums={data} />}
    </>
  );
}

/** How much of a mailing is done, and how its messages ended. */
export function MailingProgress({ name, params }: AspectProps) {
  const { data, problem } = useAnswer<Record<string, number>>(name, params, 2_000);
  if (!data) return <Typography variant="body2">{problem ?? ''}</Typography>;
  const { total = 0, processing = 0 } = data;
  const percent = total ? Math.round((100 * (total - processing)) / total) : 0;
  const counts = fieldsOf(operations[name].returns).filter(({ kind }) => kind === 'number');
  return (
    <>
      <LinearProgress
        variant="determinate"
        value={percent}
        aria-label={`${percent} % of the messages are done`}
        sx={{ height: 10, borderRadius: 5, mb: 1 }}
      />
      <Fields
        fields={counts.map((field) => ({ ...field, schema: { ...field.schema, description: inWords(field.name) } }))}
        of={data}
      />
    </>
  );
}
