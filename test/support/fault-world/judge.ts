import type { FleetState } from '../../../src/scaling/fleet-state.ts';
import { BrokenPromise, FaultWorld } from './fault-world.ts';
import { happen, type Schedule } from './schedule.ts';

/** With nothing in the way, nobody is kept for longer without work, beyond what is configured: a minute for which arrivals count, and a drain. */
const PARTING_SECONDS = 100;
/** By then everything that is broken has mended: the longest pause, the longest drain, and the work that was left. */
const HEALED_SECONDS = 60;
const REST_SECONDS = 240;
const SETTLING_SECONDS = 180;
const STILL_SECONDS = 8;

/** What happened in a schedule, to see that schedules are worth their time. */
export interface Outcome {
  readonly simulatedSeconds: number;
  readonly machines: number;
  readonly controllers: number;
  readonly jobs: number;
}

/**
 * Runs the schedule, heals what is broken, waits for rest, and checks everything that the reconciler promises, on the
 * way and in the end.
 *
 * @throws BrokenPromise
 */
export async function judge({ setting, events }: Schedule): Promise<Outcome> {
  const world = new FaultWorld(setting);
  for (const [afterMs, event] of events) {
    await world.run(afterMs / 1000);
    await happen(world, event);
  }
  await heal(world);
  const isCapped = setting.capSeconds !== null;
  const isAtRest = await untilRest(world);
  if (!isAtRest && !isCapped) throw new BrokenPromise(unrest(world));
  const lost = world.queue.lost();
  if (lost.length > 0) throw new BrokenPromise(`jobs ${lost.join(', ')} are lost`);
  // With a cap, the least there should be may have to wait for the next hour.
  if (isAtRest && !isCapped) await checkStill(world);
  for (const controller of world.controllers) controller.checkCalls();
  await world.step();
  return {
    simulatedSeconds: world.time.now / 1000,
    machines: world.cloud.machines.length,
    controllers: world.controllers.length,
    jobs: world.queue.sent,
  };
}

async function heal(world: FaultWorld): Promise<void> {
  world.faults.heal();
  for (const { life } of world.controllers) life.spare();
  if (world.living.length === 0) world.addController();
  // Those who are frozen go on, and whoever is lost is found to be.
  await world.run(HEALED_SECONDS / 2);
  if (world.isPaused) await world.resume();
}

async function untilRest(world: FaultWorld): Promise<boolean> {
  // One instance may have to do it all, and jobs take up to half as long again.
  const workSeconds = (1.5 * world.queue.left * world.setting.serviceMs) / 1000;
  let idleSeconds = 0;
  for (let second = 0; second < REST_SECONDS + workSeconds; second++) {
    if (world.isQuiet) return true;
    await world.run(1);
    idleSeconds = world.queue.isEmpty ? idleSeconds + 1 : 0;
    if (second > HEALED_SECONDS && idleSeconds > mostIdleSeconds(world)) return false;
  }
  return false;
}

function mostIdleSeconds({ setting }: FaultWorld): number {
  const { idleSeconds, billingMinimumSeconds, countLagMs, listLagMs, crashShare, hangShare } = setting;
  // Instances that do not come up, and phantoms, keep a fleet busy with itself.
  if (crashShare + hangShare > 0 || countLagMs !== null) return Number.POSITIVE_INFINITY;
  return PARTING_SECONDS + idleSeconds + billingMinimumSeconds + (4 * listLagMs) / 1000;
}

/** Nothing happens where nothing is to be done, and another controller comes to the same books. */
async function checkStill(world: FaultWorld): Promise<void> {
  await untilSettled(world);
  const before = await world.books();
  const { orders } = world;
  await world.run(STILL_SECONDS / 2);
  if (world.orders !== orders) throw new BrokenPromise('orders were given though nothing was to be done');
  for (const { life } of world.living) life.kill();
  world.addController();
  await world.run(STILL_SECONDS + world.timings.leaseMs / 1000 + 2);
  const after = await world.books();
  if (after.epoch === before.epoch) throw new BrokenPromise('nobody has taken over');
  const [here, there] = [placesOf(before), placesOf(after)];
  if (here !== there) throw new BrokenPromise(`the slots became ${there}, after ${here}`);
}

/** The books have seen what there is to see. */
async function untilSettled(world: FaultWorld): Promise<void> {
  world.queue.hasPhantoms = false;
  // So long may old counts still wake somebody, and old lists show an instance that has to be ended.
  const { countLagMs, listLagMs } = world.setting;
  await world.run(Math.max(countLagMs ?? 0, 2 * listLagMs) / 1000 + 3);
  for (let second = 0; second < SETTLING_SECONDS; second++) {
    const { slots } = await world.books();
    const isSettled = slots.every(
      ({ phase, wasReady }) => phase === 'empty' || phase === 'stopped' || (phase === 'running' && wasReady),
    );
    if (isSettled && world.isQuiet && world.areAllAtWork) return;
    await world.run(1);
  }
  throw new BrokenPromise(`the books do not settle: ${world.storedBooks}`);
}

function placesOf({ slots }: FleetState): string {
  const places = slots.filter(({ phase }) => phase !== 'empty');
  return JSON.stringify(
    places.map(({ slot, generation, phase, instanceId }) => [slot, generation, phase, instanceId]),
  );
}

function unrest(world: FaultWorld): string {
  const living = world.cloud.living.map(({ id, request, history }) => {
    const worker = world.workers.get(id);
    return `${id} in slot ${request.slot} is ${history.at(-1)?.state} (${worker?.isAlive === true ? worker.state : 'no process'})`;
  });
  return `no rest: ${world.queue.isEmpty ? 'nothing waits' : 'work waits'}; ${living.join(', ')}; ${world.storedBooks}`;
}
