/** What a metric may be labelled with; unbounded values, such as ids, belong into log lines and traces. */
type LabelValues = readonly string[];

/** Beyond so many series a metric counts everything further under `other`: a mistake must not eat the memory. */
const MAX_SERIES = 500;
const OTHER = 'other';

/** Upper bounds in seconds from half a millisecond, which storing a picture takes, to a minute. */
export const DURATION_BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

interface Shape {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

interface Metric extends Shape {
  readonly type: 'counter' | 'gauge' | 'histogram';
  render(): string;
}

/**
 * The numbers of one process, in Prometheus' text format (0.0.4).
 *
 * Written for the hot path: a label set is looked up once (`of`), and then costs an addition. A library for this takes
 * 20 MB of a worker's memory, which is five times what is allowed for all telemetry.
 */
export class MetricRegistry {
  readonly #metrics = new Map<string, Metric>();
  readonly #collectors = new Set<() => void | Promise<void>>();

  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    return this.#get({ name, help, labels }, Counter);
  }

  gauge(name: string, help: string, labels: readonly string[] = []): Gauge {
    return this.#get({ name, help, labels }, Gauge);
  }

  /** Of durations in seconds. */
  histogram(name: string, help: string, labels: readonly string[] = []): Histogram {
    return this.#get({ name, help, labels }, Histogram);
  }

  /** Calls back before every reading, to set what changes by itself; the function returned ends that. */
  onRead(collector: () => void | Promise<void>): () => void {
    this.#collectors.add(collector);
    return () => this.#collectors.delete(collector);
  }

  /** What is exported, whether or not there is a series of it yet. */
  get definitions(): readonly Pick<Metric, 'name' | 'type' | 'help' | 'labels'>[] {
    return [...this.#metrics.values()];
  }

  async read(): Promise<string> {
    for (const collect of this.#collectors) await collect();
    return [...this.#metrics.values()].map(renderMetric).join('');
  }

  /** What there is of this name already: two parts of a process may count the same thing. */
  #get<T extends Metric>(shape: Shape, make: new (shape: Shape) => T): T {
    const known = this.#metrics.get(shape.name);
    if (known === undefined) {
      const metric = new make(shape);
      this.#metrics.set(shape.name, metric);
      return metric;
    }
    if (known instanceof make && String(known.labels) === String(shape.labels)) return known;
    throw new TypeError(
      `the metric ${shape.name} is a ${known.type} of {${known.labels}}, not what is asked`,
    );
  }
}

/** The series of one metric by their label values. */
abstract class Family<S> implements Metric {
  abstract readonly type: Metric['type'];
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly #make: () => S;
  readonly #series = new Map<string, { readonly values: LabelValues; readonly series: S }>();

  constructor({ name, help, labels }: Shape, make: () => S) {
    this.name = name;
    this.help = help;
    this.labels = labels;
    this.#make = make;
    if (labels.length === 0) this.of();
  }

  /** The series with these label values, in the order of the labels. */
  of(...values: string[]): S {
    return this.#series.get(keyOf(values))?.series ?? this.#add(values);
  }

  /** Forgets all series. */
  clear(): void {
    this.#series.clear();
  }

  render(): string {
    return [...this.#series.values()]
      .map(({ values, series }) => {
        const labels = values.map((value, index) => `${this.labels[index]}="${escapeLabel(value)}"`);
        return this.line(labels.join(','), series);
      })
      .join('');
  }

  protected abstract line(labels: string, series: S): string;

  #add(values: LabelValues): S {
    if (values.length !== this.labels.length) {
      throw new TypeError(`${this.name} got ${values.length} label values, expected {${this.labels}}`);
    }
    const isOther = values.every((value) => value === OTHER);
    if (this.#series.size >= MAX_SERIES && !isOther) return this.of(...values.map(() => OTHER));
    const series = this.#make();
    this.#series.set(keyOf(values), { values, series });
    return series;
  }
}

class Value {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }

  set(value: number): void {
    this.value = value;
  }
}

/** Only grows. */
export class Counter extends Family<Value> {
  readonly type = 'counter';

  constructor(shape: Shape) {
    super(shape, () => new Value());
  }

  /** Without labels. */
  add(amount = 1): void {
    this.of().add(amount);
  }

  /** Without labels, of a total that somebody else counts. */
  set(total: number): void {
    this.of().set(total);
  }

  protected line(labels: string, { value }: Value): string {
    return `${this.name}${braces(labels)} ${value}\n`;
  }
}

/** Goes up and down. */
export class Gauge extends Family<Value> {
  readonly type = 'gauge';

  constructor(shape: Shape) {
    super(shape, () => new Value());
  }

  /** Without labels. */
  set(value: number): void {
    this.of().set(value);
  }

  /** Without labels. */
  add(amount: number): void {
    this.of().add(amount);
  }

  protected line(labels: string, { value }: Value): string {
    return `${this.name}${braces(labels)} ${value}\n`;
  }
}

class Distribution {
  readonly counts = new Float64Array(DURATION_BUCKETS.length + 1);
  sum = 0;

  /** Seconds. */
  observe(value: number): void {
    let bucket = 0;
    while (bucket < DURATION_BUCKETS.length && value > DURATION_BUCKETS[bucket]!) bucket++;
    this.counts[bucket]! += 1;
    this.sum += value;
  }
}

/** How durations are distributed. */
export class Histogram extends Family<Distribution> {
  readonly type = 'histogram';

  constructor(shape: Shape) {
    super(shape, () => new Distribution());
  }

  protected line(labels: string, { counts, sum }: Distribution): string {
    let total = 0;
    const prefix = labels === '' ? '' : `${labels},`;
    const buckets = Array.from(counts, (count, bucket) => {
      total += count;
      return `${this.name}_bucket{${prefix}le="${DURATION_BUCKETS[bucket] ?? '+Inf'}"} ${total}\n`;
    });
    const rest = `${this.name}_sum${braces(labels)} ${sum}\n${this.name}_count${braces(labels)} ${total}\n`;
    return buckets.join('') + rest;
  }
}

function keyOf(values: LabelValues): string {
  return values.length === 1 ? values[0]! : values.join('\u0000');
}

function renderMetric(metric: Metric): string {
  const help = metric.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `# HELP ${metric.name} ${help}\n# TYPE ${metric.name} ${metric.type}\n${metric.render()}`;
}

function braces(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
