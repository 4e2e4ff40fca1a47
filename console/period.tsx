import { MenuItem, TextField } from '@mui/material';
import { type ReactNode, useState } from 'react';

const HOUR_MS = 3_600_000;

/** In which steps a period is shown, and for how many places at once, so that an answer holds it. */
const PERIODS = [
  { label: 'Last 24 hours', hours: 24, interval: 'hour', places: 50 },
  { label: 'Last 7 days', hours: 168, interval: 'day', places: 50 },
  { label: 'Last 90 days', hours: 2_160, interval: 'day', places: 50 },
  { label: 'Last year', hours: 8_760, interval: 'day', places: 25 },
  { label: 'All time', hours: 0, interval: 'day', places: 5 },
] as const;

export interface Period {
  label: string;
  query: { interval: 'hour' | 'day'; from?: string };
  places: number;
}

interface Chosen extends Period {
  select: ReactNode;
}

/** A period to be chosen: what to ask the API for, and the input that asks for it. */
export function usePeriod(first: (typeof PERIODS)[number]['label']): Chosen {
  const [label, setLabel] = useState<string>(first);
  const { hours, interval, places } = PERIODS.find((one) => one.label === label) ?? PERIODS[0];
  // to the hour, so that the same question is not another one at each look
  const from = hours ? new Date(Math.floor(Date.now() / HOUR_MS - hours) * HOUR_MS).toISOString() : undefined;
  const select = (
    <TextField
      select
      label="Period"
      value={label}
      onChange={(event) => setLabel(event.target.value)}
      fullWidth={false}
      sx={{ mb: 2, minWidth: 200 }}
    >
      {PERIODS.map((one) => (
        <MenuItem key={one.label} value={one.label}>
          {one.label}
        </MenuItem>
      ))}
    </TextField>
  );
  return { label, query: { interval, ...(from && { from }) }, places, select };
}
