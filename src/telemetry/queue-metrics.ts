import type { QueueDepth } from '../ports/queue.ts';
import type { MetricRegistry } from './metrics.ts';

/** Tells how full every queue is, each time somebody reads. */
export function watchQueues(
  metrics: MetricRegistry,
  depths: () => readonly (QueueDepth & { readonly name: string })[],
): void {
  const messages = metrics.gauge('facefleet_queue_messages', 'Messages in each queue of the broker', [
    'queue',
    'state',
  ]);
  const ages = metrics.gauge(
    'facefleet_queue_oldest_message_age_seconds',
    'Age of the oldest visible message',
    ['queue'],
  );
  metrics.onRead(() => {
    messages.clear();
    ages.clear();
    for (const { name, visible, inFlight, delayed, oldestAgeSeconds = 0 } of depths()) {
      messages.of(name, 'visible').set(visible);
      messages.of(name, 'in_flight').set(inFlight);
      messages.of(name, 'delayed').set(delayed);
      ages.of(name).set(oldestAgeSeconds);
    }
  });
}
