import { packageVersion } from '../version.ts';
import type { MetricRegistry } from './metrics.ts';

/** Memory, processor and age of this process, by the names that all of Prometheus' clients use, and what runs in it. */
export function watchProcess(metrics: MetricRegistry, tier: string): void {
  const cpu = metrics.counter('process_cpu_seconds_total', 'User and system time of the process');
  const resident = metrics.gauge('process_resident_memory_bytes', 'Resident memory of the process');
  const heap = metrics.gauge('nodejs_heap_size_used_bytes', 'JavaScript heap in use');
  metrics
    .gauge('process_start_time_seconds', 'When the process started, seconds since the epoch')
    .set(performance.timeOrigin / 1000);
  metrics
    .gauge('facefleet_build_info', 'Always 1; its labels tell what runs', ['version', 'tier', 'node'])
    .of(packageVersion(), tier, process.version)
    .set(1);
  metrics.onRead(() => {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    cpu.set((user + system) / 1e6);
    resident.set(rss);
    heap.set(heapUsed);
  });
}
