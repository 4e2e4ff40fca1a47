export type Labels = Record<string, string>;

export interface Sample {
  /** After the family's name: `_total`, `_bucket`, `_count`, `_sum`, or nothing. */
  suffix?: string;
  labels?: Labels;
  value: number;
}

export interface Family {
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  unit?: 'seconds';
  help: string;
  samples: Sample[];
}

/** Of label values and help texts: https://prometheus.io/docs/specs/om/open_metrics_spec/#escaping */
const escaped = (text: string): string => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');

const labelsOf = (labels: Labels = {}): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length ? `{${pairs.join(',')}}` : '';
};

const linesOf = ({ name, type, unit, help, samples }: Family): string[] => [
  `# TYPE ${name} ${type}`,
  ...(unit ? [`# UNIT ${name} ${unit}`] : []),
  `# HELP ${name} ${escaped(help)}`,
  ...samples.map(({ suffix = '', labels, value }) => `${name}${suffix}${labelsOf(labels)} ${value}`),
];

/** Families as OpenMetrics text, version 1.0.0. A family without samples is left out. */
export const openMetrics = (families: Family[]): string =>
  [...families.filter(({ samples }) => samples.length).flatMap(linesOf), '# EOF', ''].join('\n');
