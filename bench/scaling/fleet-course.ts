/** A line of a controller's log, as far as it tells of instances that come and go. */
interface ControllerLine {
  readonly time: number;
  readonly msg: string;
  readonly component?: string;
  readonly actions?: readonly string[];
  readonly slot?: number;
}

/** A moment from which on so many instances lived and so many of them were ready, in seconds. */
export interface Step {
  readonly at: number;
  readonly up: number;
  readonly ready: number;
}

/** How a fleet went up and down, from a time on. */
export interface FleetCourse {
  readonly steps: readonly Step[];
  /** Seconds that each boot took: from the decision to the controller's hearing that the instance is ready. */
  readonly boots: readonly number[];
  /** Seconds until the first instance was ready to work. */
  readonly firstWorkerSeconds: number;
  readonly peak: number;
  /** Seconds until one was told to drain for the first time; NaN when none was. */
  readonly firstDrainSeconds: number;
  /** Seconds until the last one was gone. */
  readonly zeroSeconds: number;
  /** All that lived together. */
  readonly instanceSeconds: number;
}

/** The controller's lines of a log; others, and those of other processes, are passed over. */
export function controllerLines(log: string): ControllerLine[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as ControllerLine)
    .filter(({ component = 'controller' }) => component === 'controller');
}

/**
 * What a controller tells of its fleet as a course; the same for one that really runs and for a simulated one.
 * `since`: milliseconds since the epoch, the zero of all times in it.
 */
export function courseOf(lines: readonly ControllerLine[], since: number): FleetCourse {
  const steps: Step[] = [];
  const boots: number[] = [];
  const launchedAt = new Map<number, number>();
  let firstDrainSeconds = Number.NaN;
  const ready = new Set<number>();
  for (const { time, msg, actions = [], slot = 0 } of lines) {
    const at = (time - since) / 1000;
    for (const action of actions) {
      const [kind, where] = action.split(' ');
      if (kind === 'launch') launchedAt.set(Number(where), at);
      if (kind === 'drain' && Number.isNaN(firstDrainSeconds)) firstDrainSeconds = at;
    }
    if (msg === 'instance is ready') {
      ready.add(slot);
      boots.push(at - (launchedAt.get(slot) ?? Number.NaN));
    }
    if (GONE.has(msg)) {
      ready.delete(slot);
      launchedAt.delete(slot);
    }
    const step = { at, up: launchedAt.size, ready: ready.size };
    if (step.up !== (steps.at(-1)?.up ?? 0) || step.ready !== (steps.at(-1)?.ready ?? 0)) steps.push(step);
  }
  return {
    steps,
    boots,
    firstWorkerSeconds: steps.find((step) => step.ready > 0)?.at ?? Number.NaN,
    firstDrainSeconds,
    peak: steps.reduce((most, { up }) => Math.max(most, up), 0),
    zeroSeconds: steps.at(-1)?.up === 0 ? steps.at(-1)!.at : Number.NaN,
    instanceSeconds: steps.reduce(
      (sum, { at, up }, index) => sum + up * ((steps[index + 1]?.at ?? at) - at),
      0,
    ),
  };
}

/**
 * Seconds that a worker took for a picture in a burst, from one to the next: with what is around the work, fetching, storing,
 * and waiting for a processor that others use. The burst was over an idle time before the first was told to drain.
 */
export function secondsAPicture(
  { steps, firstDrainSeconds }: FleetCourse,
  pictures: number,
  idleSeconds: number,
): number {
  const end = firstDrainSeconds - idleSeconds;
  const readySeconds = steps.reduce((sum, { at, ready }, index) => {
    const until = Math.min(end, steps[index + 1]?.at ?? end);
    return sum + ready * Math.max(0, until - at);
  }, 0);
  return readySeconds / pictures;
}

/** Whatever way it went. */
const GONE: ReadonlySet<string> = new Set([
  'instance ended',
  'instance ended before it was ready',
  'instance was ended by others before it was ready',
]);
