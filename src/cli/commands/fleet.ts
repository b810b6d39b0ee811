import type { Command } from 'commander';
import { connect } from '../../compose.ts';
import { type FleetReport, readFleetReport } from '../../scaling/fleet-report.ts';
import { configOf, DEPLOYMENT_SETTINGS, examples, type Verb, withSettings } from '../command.ts';
import { json, printable, table } from '../output.ts';

const verb: Verb = {
  define(command) {
    withSettings(command, [...DEPLOYMENT_SETTINGS])
      .option('--json', 'as JSON')
      .action(async (options: { json?: boolean }, self: Command) => {
        await using deployment = await connect(configOf(self), { component: 'fleet' });
        const now = deployment.clock.now();
        const report = await readFleetReport(deployment.state, now);
        process.stdout.write(options.json ? json(report) : describe(report, now));
      });
    examples(command, [
      ['facefleet fleet', 'the slots, what is in them, and why there are so many'],
      ['facefleet fleet --json | jq ".decisions[0].reason"', 'why the last decision was taken'],
    ]);
    command.addHelpText(
      'after',
      '\nNeeds the broker: `facefleet up` or `facefleet broker`.\nExits with 0 done, 1 failed, 2 called wrongly.',
    );
  },
};
export default verb;

function describe(report: FleetReport, now: number): string {
  const lines = [leaderLine(report), `wanted: ${report.desired}, at ${seconds(report.serviceSeconds)} a job`];
  if (report.crashStreak > 0) {
    lines.push(
      `the last ${report.crashStreak} instances ended before they were ready: see the workers' logs`,
    );
  }
  const ago = (at: number) => `${seconds((now - at) / 1000)} ago`;
  const slots = report.slots.map(({ slot, generation, phase, since, instanceId, lastEnd }) => [
    String(slot),
    String(generation),
    phase,
    ago(since),
    instanceId ?? '',
    lastEnd === undefined ? '' : `${printable(lastEnd.reason)} (${ago(lastEnd.at)})`,
  ]);
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
