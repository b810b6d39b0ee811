import type { Command } from 'commander';
import { connect } from '../../compose.ts';
import type { Deployment } from '../../deployment.ts';
import { errorCode, errorMessage } from '../../errors.ts';
import { type FleetReport, readFleetReport } from '../../scaling/fleet-report.ts';
import { type FleetState, FleetStateStore, type SlotRecord } from '../../scaling/fleet-state.ts';
import { type Change, changeFleetState, drainSlot, pause, resume } from '../../scaling/operator.ts';

import { configOf, DEPLOYMENT_SETTINGS, examples, type Verb, withSettings } from '../command.ts';
import { json, printable, table } from '../output.ts';

interface Options {
  readonly json?: boolean;
}

const verb: Verb = {
  define(command) {
    define(command.command('show', { isDefault: true }), 'show slots, decisions, brakes and costs', show);
    define(
      command.command('pause'),
      'launch, start and drain nothing any more; what runs goes on working',
      pauseScaling,
    );
    define(command.command('resume'), 'let the controller scale again', resumeScaling);
    define(
      command.command('drain <slot>'),
      'let the worker in a slot finish what it has in hand and end; another one comes if needed',
      drain,
    );
    examples(command, [
      ['facefleet fleet', 'the slots, what is in them, and why there are so many'],
      ['facefleet fleet --json | jq ".decisions[0].reason"', 'why the last decision was taken'],
      ['facefleet fleet pause', 'before maintenance; also while no controller runs'],
      ['facefleet fleet drain 3', 'replace the worker in slot 3'],
    ]);
    command.addHelpText(
      'after',
      '\nOn one machine it needs the broker: `facefleet up` or `facefleet broker`.\nExits with 0 done (also when it was so already), 1 failed or the slot is empty, 2 called wrongly.',
    );
  },
};
export default verb;

function define(command: Command, summary: string, action: (...words: never[]) => Promise<void>): void {
  withSettings(command.summary(summary).description(summary), DEPLOYMENT_SETTINGS)
    .option('--json', 'as JSON')
    .action(action as (...words: unknown[]) => Promise<void>);
}

async function show(options: Options, self: Command): Promise<void> {
  await using deployment = await connectTo(self);
  const now = deployment.clock.now();
  const report = await readFleetReport(deployment.state, now);
  process.stdout.write(options.json ? json(report) : describe(report, now));
}

async function pauseScaling(options: Options, self: Command): Promise<void> {
  await using deployment = await connectTo(self);
  const outcome = await change(deployment, (state) => pause(state, deployment.clock.now()));
  const words = { paused: 'scaling is paused', already: 'scaling was paused already' };
  process.stdout.write(options.json ? json({ paused: true, outcome }) : `${words[outcome]}\n`);
}

async function resumeScaling(options: Options, self: Command): Promise<void> {
  await using deployment = await connectTo(self);
  const outcome = await change(deployment, resume);
  const words = { resumed: 'scaling goes on', already: 'scaling was not paused' };
  process.stdout.write(options.json ? json({ paused: false, outcome }) : `${words[outcome]}\n`);
}

async function drain(word: string, options: Options, self: Command): Promise<void> {
  const slot = /^[1-9]\d{0,8}$/.test(word) ? Number(word) : undefined;
  if (slot === undefined)
    self.error(`error: slot is ${JSON.stringify(word)}, expected a whole number from 1`);
  await using deployment = await connectTo(self);
  try {
    const record = await change(deployment, (state) => drainSlot(state, slot));
    process.stdout.write(options.json ? json(withoutRequest(record)) : `${drainLine(record)}\n`);
  } catch (error) {
    if (errorCode(error) !== 'not-found') throw error;
    process.stderr.write(`${errorMessage(error)}\n`);
    process.exitCode = 1;
  }
}

function connectTo(command: Command): Promise<Deployment> {
  return connect(configOf(command), { component: 'fleet', waitSeconds: 2 });
}

function change<T>(deployment: Deployment, how: (state: FleetState) => Change<T>): Promise<T> {
  return changeFleetState(new FleetStateStore(deployment.state), how);
}

function withoutRequest({ request: _, ...record }: SlotRecord) {
  return record;
}

function drainLine({ slot, instanceId, phase }: SlotRecord): string {
  const who = `slot ${slot}${instanceId === undefined ? '' : `, ${printable(instanceId)}`}`;
  return phase === 'ending' ? `${who}: it is ending already` : `${who}: it finishes what it has and ends`;
}

function describe(report: FleetReport, now: number): string {
  const ago = (at: number) => `${seconds((now - at) / 1000)} ago`;
  const lines = [
    leaderLine(report),
    `wanted: ${report.desired}, at ${seconds(report.serviceSeconds)} a job`,
    ...(report.pausedAt === null
      ? []
      : [`scaling is paused since ${seconds((now - report.pausedAt) / 1000)}: facefleet fleet resume`]),
    ...report.brakes.map(
      ({ kind, since, reason }) =>
        `launches are held back (${kind}, since ${seconds((now - since) / 1000)}): ${printable(reason)}`,
    ),
    spendingLine(report),
  ];
  if (report.crashStreak > 0) {
    lines.push(
      `the last ${report.crashStreak} instances ended before they were ready: see the workers' logs`,
    );
  }
  const slots = report.slots.map((slot) => slotRow(slot, ago));
  const decisions = report.decisions.map(({ at, desired, actions, reason }) => [
    ago(at),
    String(desired),
    actions.join(', '),
    printable(reason),
  ]);
  const parts = [`${lines.join('\n')}\n`];
  if (slots.length > 0) {
    parts.push(table(slots, ['SLOT', 'GENERATION', 'PHASE', 'SINCE', 'INSTANCE', 'LAST END']));
  }
  if (decisions.length > 0) parts.push(table(decisions, ['DECIDED', 'WANTED', 'ACTIONS', 'REASON']));
  return parts.join('\n');
}

function slotRow(slot: FleetReport['slots'][number], ago: (at: number) => string): string[] {
  const { generation, phase, since, instanceId, lastEnd, mustDrain } = slot;
  return [
    String(slot.slot),
    String(generation),
    mustDrain === true ? `${phase} (ordered)` : phase,
    ago(since),
    instanceId ?? '',
    lastEnd === undefined ? '' : `${printable(lastEnd.reason)} (${ago(lastEnd.at)})`,
  ];
}

function spendingLine({ spending: { hour, day } }: FleetReport): string {
  const of = ({ instanceSeconds, cap }: typeof hour) =>
    `${Math.round(instanceSeconds)}${cap === null ? '' : ` of ${cap}`}`;
  return `spent: ${of(hour)} instance-seconds this hour, ${of(day)} this day (UTC)`;
}

function leaderLine({ leader }: FleetReport): string {
  if (leader === undefined) return 'no controller has led here yet';
  const { controllerId, address, epoch, isAlive } = leader;
  const who = `controller ${printable(controllerId)}, epoch ${epoch}`;
  return isAlive ? `led by ${who}, on ${address}` : `no controller leads; the last was ${who}`;
}

/** Two digits, so that nobody reads more into it than there is. */
function seconds(value: number): string {
  return `${Number(value.toPrecision(2))} s`;
}
