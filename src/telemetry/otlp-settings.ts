/** Where spans are exported to, as OpenTelemetry's standard variables say. */
export interface OtlpSettings {
  /** The full address of the collector's traces. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Of the service, beside its name: `service.namespace=x,…`. */
  readonly resource: Readonly<Record<string, string>>;
  /** Empty: `facefleet-<tier>`. */
  readonly serviceName: string;
  readonly sampler: {
    /** Whether a trace that others began is recorded exactly if they record it. */
    readonly isParentBased: boolean;
    /** Of traces that begin here, 0 to 1. */
    readonly ratio: number;
  };
  readonly batchDelayMs: number;
  readonly maxQueueSize: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_DELAY_MS = 5000;
const DEFAULT_QUEUE_SIZE = 2048;
const SAMPLERS = ['always_on', 'always_off', 'traceidratio'];

/**
 * Reads the variables of OpenTelemetry's specification: `OTEL_EXPORTER_OTLP_[TRACES_]ENDPOINT`, `…_HEADERS`,
 * `…_TIMEOUT`, `…_PROTOCOL`, `OTEL_TRACES_EXPORTER`, `OTEL_SDK_DISABLED`, `OTEL_SERVICE_NAME`,
 * `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER[_ARG]`, `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_MAX_QUEUE_SIZE`.
 *
 * Undefined when no endpoint is set or export is switched off. As the specification wants it, a value that cannot be
 * used is put into `problems` and otherwise ignored: watching must not keep a service from starting.
 */
export function otlpSettings(environment: Environment, problems: string[] = []): OtlpSettings | undefined {
  const read = (name: string) => environment[name]?.trim() || undefined;
  const forTraces = (name: string) =>
    read(`OTEL_EXPORTER_OTLP_TRACES_${name}`) ?? read(`OTEL_EXPORTER_OTLP_${name}`);
  if (read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined;
  const exporter = read('OTEL_TRACES_EXPORTER') ?? 'otlp';
  if (exporter === 'none') return undefined;
  const url = endpointOf(read, problems);
  if (url === undefined) return undefined;
  if (exporter !== 'otlp') problems.push(`OTEL_TRACES_EXPORTER is ${exporter}, expected otlp or none`);
  const protocol = forTraces('PROTOCOL') ?? 'http/json';
  if (protocol === 'grpc') {
    problems.push('OTEL_EXPORTER_OTLP_PROTOCOL is grpc, expected http/json: no spans are exported');
    return undefined;
  }
  const whole = (name: string, value: string | undefined, fallback: number) => {
    if (value === undefined) return fallback;
    if (/^\d{1,9}$/.test(value) && Number(value) > 0) return Number(value);
    problems.push(`${name} is ${JSON.stringify(value)}, expected a whole number above 0`);
    return fallback;
  };
  return {
    url,
    headers: {
      ...pairs(read('OTEL_EXPORTER_OTLP_HEADERS')),
      ...pairs(read('OTEL_EXPORTER_OTLP_TRACES_HEADERS')),
    },
    timeoutMs: whole('OTEL_EXPORTER_OTLP_TIMEOUT', forTraces('TIMEOUT'), DEFAULT_TIMEOUT_MS),
    resource: pairs(read('OTEL_RESOURCE_ATTRIBUTES')),
    serviceName: read('OTEL_SERVICE_NAME') ?? '',
    sampler: samplerOf(read, problems),
    batchDelayMs: whole('OTEL_BSP_SCHEDULE_DELAY', read('OTEL_BSP_SCHEDULE_DELAY'), DEFAULT_DELAY_MS),
    maxQueueSize: whole('OTEL_BSP_MAX_QUEUE_SIZE', read('OTEL_BSP_MAX_QUEUE_SIZE'), DEFAULT_QUEUE_SIZE),
  };
}

type Read = (name: string) => string | undefined;

/** The endpoint of traces is taken as it is, the general one gets their path. */
function endpointOf(read: Read, problems: string[]): string | undefined {
  const own = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const general = read('OTEL_EXPORTER_OTLP_ENDPOINT');
  const given = own ?? general;
  if (given === undefined) return undefined;
  const url = URL.parse(given);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    problems.push('the OTLP endpoint is no http or https address: no spans are exported');
    return undefined;
  }
  if (own === undefined) url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  return url.href;
}

function samplerOf(read: Read, problems: string[]): OtlpSettings['sampler'] {
  const name = read('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on';
  const isParentBased = name.startsWith('parentbased_');
  const root = name.replace(/^parentbased_/, '');
  if (!SAMPLERS.includes(root)) {
    problems.push(`OTEL_TRACES_SAMPLER is ${name}, expected [parentbased_]${SAMPLERS.join(' or ')}`);
    return { isParentBased: true, ratio: 1 };
  }
  if (root !== 'traceidratio') return { isParentBased, ratio: root === 'always_on' ? 1 : 0 };
  const argument = read('OTEL_TRACES_SAMPLER_ARG') ?? '1';
  const ratio = Number(argument);
  if (ratio >= 0 && ratio <= 1) return { isParentBased, ratio };
  problems.push(`OTEL_TRACES_SAMPLER_ARG is ${JSON.stringify(argument)}, expected a number from 0 to 1`);
  return { isParentBased, ratio: 1 };
}

/** `key=value,key=value`, percent-encoded as W3C baggage is. */
function pairs(text: string | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const pair of text?.split(',') ?? []) {
    const [, key, value = ''] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    if (key !== undefined) found[key] = decoded(value);
  }
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
