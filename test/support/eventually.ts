import { systemClock } from '../../src/adapters/local/system-clock.ts';

/**
 * Waits for what no event tells: looks every few milliseconds until `look` gives something other than undefined, null
 * or false, and returns that. Rejects after `withinSeconds`, saying what was awaited.
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  withinSeconds = 20,
): Promise<T> {
  const deadline = performance.now() + withinSeconds * 1000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== null && seen !== false) return seen;
    if (performance.now() > deadline) throw new Error(`waited ${withinSeconds} s in vain: ${what}`);
    await systemClock.sleep(10);
  }
}
