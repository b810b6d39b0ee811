import { hostname } from 'node:os';

import { errorMessage } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { packageVersion } from '../version.ts';
import type { MetricRegistry } from './metrics.ts';
import type { OtlpSettings } from './otlp-settings.ts';
import type { Span, SpanSink } from './telemetry.ts';
import type { TraceContext } from './trace-context.ts';

/** Not imported: that would load undici too, 17 MB of a worker's memory. */
const http = process.getBuiltinModule('node:http');

const MAX_BATCH = 512;
const MAX_ATTEMPTS = 4;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;
const FLUSH_MS = 2000;
/** As the protocol has it: other answers mean that trying again is pointless. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const KINDS: Readonly<Record<Span['kind'], number>> = {
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
};
const STATUS_ERROR = 2;

export interface OtlpExporterOptions {
  readonly settings: OtlpSettings;
  readonly tier: string;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
}

/**
 * Exports spans to an OpenTelemetry collector: OTLP over HTTP, as JSON.
 *
 * Spans wait in a bounded buffer and go out in batches, one call at a time; a collector that is slow or gone costs
 * spans, which are counted, and never the service. (The SDK does the same with some thirty packages, of which a worker
 * would hold tens of megabytes.)
 */
export class OtlpExporter implements SpanSink {
  readonly #settings: OtlpSettings;
  readonly #logger: Logger;
  readonly #resource: unknown;
  readonly #spans: { exported: () => void; dropped: () => void };
  #waiting: Span[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isClosed = false;
  #isFailing = false;

  constructor({ settings, tier, logger, metrics }: OtlpExporterOptions) {
    const counter = metrics.counter('facefleet_spans_total', 'Spans, by what became of them', ['outcome']);
    const [exported, dropped] = [counter.of('exported'), counter.of('dropped')];
    this.#settings = settings;
    this.#logger = logger;
    this.#spans = { exported: () => exported.add(), dropped: () => dropped.add() };
    this.#resource = {
      attributes: attributesOf({
        'service.version': packageVersion(),
        'service.instance.id': `${hostname()}/${process.pid}`,
        'host.name': hostname(),
        'process.pid': process.pid,
        ...settings.resource,
        'service.name': settings.serviceName || settings.resource['service.name'] || `facefleet-${tier}`,
      }),
    };
  }

  samples(traceId: string, parent: TraceContext | undefined): boolean {
    const { isParentBased, ratio } = this.#settings.sampler;
    if (isParentBased && parent !== undefined) return parent.isSampled;
    // As all of OpenTelemetry does it, so that every tier and every service decides alike.
    return Number.parseInt(traceId.slice(-8), 16) < ratio * 2 ** 32;
  }

  record(span: Span): void {
    if (this.#isClosed || this.#waiting.length >= this.#settings.maxQueueSize) {
      this.#spans.dropped();
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= MAX_BATCH) void this.#send();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#send();
    }, this.#settings.batchDelayMs).unref();
  }

  async flush(): Promise<void> {
    const all = (async () => {
      while (this.#waiting.length > 0 || this.#sending !== undefined) await this.#send();
    })();
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FLUSH_MS);
    await Promise.race([all, late]);
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const _ of this.#waiting.splice(0)) this.#spans.dropped();
  }

  #send(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      const isExported = await this.#deliver(Buffer.from(JSON.stringify(this.#encode(batch))));
      for (const _ of batch) (isExported ? this.#spans.exported : this.#spans.dropped)();
      if (!isExported) return;
    }
  }

  async #deliver(body: Buffer): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#post(body);
      if (outcome.isDone) {
        if (this.#isFailing) this.#logger.info('the collector takes spans again');
        this.#isFailing = false;
        return true;
      }
      if (!outcome.mayRetry || attempt >= MAX_ATTEMPTS || this.#isClosed) {
        if (!this.#isFailing) this.#logger.warn({ reason: outcome.reason }, 'spans could not be exported');
        this.#isFailing = true;
        return false;
      }
      const backoffMs = outcome.retryAfterMs ?? FIRST_RETRY_MS * 2 ** (attempt - 1);
      await new Promise<void>(
        (resolve) => void setTimeout(resolve, Math.min(MAX_RETRY_MS, backoffMs)).unref(),
      );
    }
  }

  #post(body: Buffer): Promise<Outcome> {
    const { url, headers, timeoutMs } = this.#settings;
    const { request } = url.startsWith('https:') ? process.getBuiltinModule('node:https') : http;
    return new Promise((resolve) => {
      const call = request(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json', 'content-length': body.length },
        signal: AbortSignal.timeout(timeoutMs),
      });
      call.on('error', (error) => resolve({ isDone: false, mayRetry: true, reason: errorMessage(error) }));
      call.on('response', (response) => {
        response.on('error', () => undefined).resume();
        const status = response.statusCode ?? 0;
        const seconds = Number(response.headers['retry-after']);
        resolve({
          isDone: status >= 200 && status < 300,
          mayRetry: RETRYABLE.has(status),
          reason: `the collector answered ${status}`,
          ...(seconds > 0 && { retryAfterMs: seconds * 1000 }),
        });
      });
      call.end(body);
    });
  }

  #encode(spans: readonly Span[]): unknown {
    const scope = { name: 'facefleet', version: packageVersion() };
    return {
      resourceSpans: [{ resource: this.#resource, scopeSpans: [{ scope, spans: spans.map(encodeSpan) }] }],
    };
  }
}

interface Outcome {
  readonly isDone: boolean;
  readonly mayRetry: boolean;
  readonly reason: string;
  readonly retryAfterMs?: number;
}

function encodeSpan({
  traceId,
  spanId,
  parentSpanId,
  name,
  kind,
  startMs,
  endMs,
  attributes,
  error,
}: Span): unknown {
  return {
    traceId,
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(Math.max(startMs, endMs)),
    attributes: attributesOf(attributes ?? {}),
    ...(error !== undefined && { status: { code: STATUS_ERROR, message: error } }),
  };
}

/** As a decimal string, since they are more than a number can hold. */
function nanoseconds(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds * 1000)) * 1000n);
}

function attributesOf(attributes: Readonly<Record<string, string | number | boolean>>): unknown[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: encodeValue(value) }));
}

function encodeValue(value: string | number | boolean): unknown {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
