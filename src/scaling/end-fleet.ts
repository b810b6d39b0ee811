import type { Clock } from '../ports/clock.ts';
import type { Fleet } from '../ports/fleet.ts';

const LOOK_MS = 50;

/**
 * Ends every instance of the fleet, for when the whole service stops in order: each is told to terminate, which lets it finish what it has in
 * hand within its grace time. Resolves to whether all were gone before the timeout.
 */
export async function endFleet(
  fleet: Fleet,
  clock: Clock,
  { timeoutMs }: { timeoutMs: number },
): Promise<boolean> {
  const until = clock.monotonic() + timeoutMs;
  for (;;) {
    const living = (await fleet.list()).filter(({ state }) => state !== 'terminated' && state !== 'stopped');
    if (living.length === 0) return true;
    if (clock.monotonic() > until) return false;
    await Promise.all(
      living.filter(({ state }) => state !== 'stopping').map(({ id }) => fleet.terminate(id)),
    );
    await clock.sleep(LOOK_MS);
  }
}
