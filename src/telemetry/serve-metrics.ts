import type { Deployment } from '../deployment.ts';
import { METRICS_PORTS, type MetricsServer, startMetricsServer } from './metrics-server.ts';

/**
 * Serves the metrics of a tier beside the web tier where its settings say; undefined when they say nowhere.
 * `slot`: of a worker, since several share a machine; 0 for one that no fleet launched.
 */
export async function serveMetrics(
  { loaded, logger, telemetry }: Pick<Deployment, 'loaded' | 'logger' | 'telemetry'>,
  tier: keyof typeof METRICS_PORTS,
  slot = 0,
): Promise<MetricsServer | undefined> {
  const { metricsPort, metricsHost: host, metricsToken: token } = loaded.config;
  if (metricsPort === 0) return undefined;
  const port = metricsPort + METRICS_PORTS[tier] + slot;
  return startMetricsServer({ metrics: telemetry.metrics, host, port, token, logger });
}
