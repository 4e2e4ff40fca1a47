/** The value below which a share of all values lies. */
export function quantile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (values: number[]): number => quantile(values, 0.5);

/** Does something without the functions' log lines. */
export async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { write } = process.stdout;
  process.stdout.write = () => true;
  try {
    return await work();
  } finally {
    process.stdout.write = write;
  }
}

/** One line of a result: what, its figure, and what it aims at. */
export function report(what: string, figure: number, unit: string, aim = ''): void {
  process.stdout.write(
    `  ${what.padEnd(58)} ${figure.toFixed(figure < 100 ? 1 : 0).padStart(8)} ${unit.padEnd(10)} ${aim}\n`,
  );
}
