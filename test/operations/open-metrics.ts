export interface ReadFamily {
  name: string;
  type: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const SUFFIXES: Record<string, RegExp> = {
  counter: /^_total$/,
  gauge: /^$/,
  histogram: /^_(bucket|count|sum)$/,
};

const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"/g;
const SAMPLE =
  /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

/**
 * Reads OpenMetrics text as strictly as its grammar is (https://prometheus.io/docs/specs/om/open_metrics_spec/): each
 * family once and whole, its metadata first, samples of its own type, no sample twice, buckets that grow up to `+Inf`.
 */
export function readOpenMetrics(text: string): ReadFamily[] {
  if (!text.endsWith('\n# EOF\n')) throw new Error('the end is not # EOF');
  const families: ReadFamily[] = [];
  const seen = new Set<string>();
  for (const line of text.slice(0, -'# EOF\n'.length).trimEnd().split('\n')) {
    const [, keyword, named = '', said = ''] = /^# (TYPE|UNIT|HELP) (\S+) (.+)$/.exec(line) ?? [];
    const last = families.at(-1);
    if (keyword === 'TYPE') {
      if (families.some(({ name }) => name === named)) throw new Error(`the family ${named} comes twice`);
      families.push({ name: named, type: said, samples: [] });
      continue;
    }
    if (keyword) {
      if (last?.name !== named || last.samples.length) throw new Error(`metadata at the wrong place: ${line}`);
      if (keyword === 'UNIT' && !named.endsWith(`_${said}`)) throw new Error(`${named} does not end in its unit`);
      continue;
    }
    const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (!name || !last?.name || !name.startsWith(last.name)) throw new Error(`no sample of the family: ${line}`);
    if (!SUFFIXES[last.type]?.test(name.slice(last.name.length))) throw new Error(`no ${last.type}: ${line}`);
    if (seen.has(`${name}{${labels}}`)) throw new Error(`the sample comes twice: ${line}`);
    seen.add(`${name}{${labels}}`);
    const pairs = [...labels.matchAll(LABEL)].map(([, key = '', one = '']) => [key, one]);
    last.samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
  }
  for (const { name, type, samples } of families.filter((one) => one.type === 'histogram')) {
    const buckets = samples.filter((one) => one.name === `${name}_bucket`);
    const values = buckets.map(({ value }) => value);
    const grows = values.every((value, index) => index === 0 || value >= (values[index - 1] ?? 0));
    const count = samples.find((one) => one.name === `${name}_count`)?.value;
    if (!grows || buckets.at(-1)?.labels['le'] !== '+Inf' || values.at(-1) !== count)
      throw new Error(`${type} ${name}`);
  }
  return families;
}
