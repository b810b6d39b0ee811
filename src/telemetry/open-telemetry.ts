import type { Logger } from '../logger.ts';
import { MetricRegistry } from './metrics.ts';
import { otlpSettings } from './otlp-settings.ts';
import { Telemetry } from './telemetry.ts';

export interface OpenTelemetryOptions {
  readonly tier: string;
  /** Those that begin with `OTEL_`. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

/** Metrics, and spans if OpenTelemetry's variables name a collector; without one the exporter isn't even loaded. */
export async function openTelemetry({ tier, variables, logger }: OpenTelemetryOptions): Promise<Telemetry> {
  const problems: string[] = [];
  const settings = otlpSettings(variables, problems);
  for (const problem of problems) logger.warn(problem);
  if (settings === undefined) return new Telemetry({ tier });
  const { OtlpExporter } = await import('./otlp-exporter.ts');
  const metrics = new MetricRegistry();
  return new Telemetry({ tier, metrics, spans: new OtlpExporter({ settings, tier, logger, metrics }) });
}
