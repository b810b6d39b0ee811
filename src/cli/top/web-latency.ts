import type { TopLatency } from './top-sample.ts';

/** Requests that bring a picture and wait for what is in it. */
const ROUTES = ['/', '/v1/recognitions'];
const BUCKET = /^facefleet_http_request_duration_seconds_bucket\{route="([^"]*)",le="([^"]*)"\} (\S+)$/gm;

/** How many requests took at most so many seconds, by upper bound; what was counted since the process started. */
export type LatencyCounts = ReadonlyMap<number, number>;

/** Reads the web tier's metrics. */
export function latencyCounts(metrics: string): LatencyCounts {
  const counts = new Map<number, number>();
  for (const [, route = '', bound = '', count = ''] of metrics.matchAll(BUCKET)) {
    if (!ROUTES.includes(route)) continue;
    const seconds = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
    counts.set(seconds, (counts.get(seconds) ?? 0) + Number(count));
  }
  return counts;
}

/**
 * What lies between two readings. Percentiles are interpolated within their bucket, as Prometheus does it. A web tier that was
 * started again has counted from nothing.
 */
export function latencyBetween(before: LatencyCounts, after: LatencyCounts, seconds: number): TopLatency {
  const total = (counts: LatencyCounts) => counts.get(Number.POSITIVE_INFINITY) ?? 0;
  const isRestarted = total(after) < total(before);
  const since = (bound: number) => (after.get(bound) ?? 0) - (isRestarted ? 0 : (before.get(bound) ?? 0));
  const bounds = [...after.keys()].sort((one, other) => one - other);
  const requests = since(Number.POSITIVE_INFINITY);
  return {
    perSecond: seconds > 0 ? requests / seconds : 0,
    p50Seconds: quantile(bounds, since, requests * 0.5),
    p95Seconds: quantile(bounds, since, requests * 0.95),
    p99Seconds: quantile(bounds, since, requests * 0.99),
  };
}

function quantile(bounds: readonly number[], since: (bound: number) => number, rank: number): number | null {
  let lower = 0;
  let below = 0;
  for (const bound of bounds) {
    const upTo = since(bound);
    if (upTo > 0 && upTo >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return lower + ((bound - lower) * (rank - below)) / (upTo - below);
    }
    lower = bound;
    below = upTo;
  }
  return null;
}
