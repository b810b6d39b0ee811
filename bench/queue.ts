/**
 * The local queue: messages a second (each sent, received and deleted) with one and with four processes, beside as many
 * processes that share one SQLite file without a broker; and how long a waiting receiver takes to get a message, beside
 * one that asks every 20 ms. All in the same run, in turns.
 *
 * `node bench/queue.ts [--count 20000] [--wakes 500] [--rounds 3] [--json]`
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { BrokerClient } from '../src/adapters/local/broker/broker-client.ts';
import { silentLogger } from '../src/logger.ts';
import { ChildScript } from '../test/support/child-script.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    wakes: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const count = Number(values.count);
const wakes = Number(values.wakes);
/** One sync a transaction, three transactions a message: fewer are enough to tell. */
const DIRECT_SHARE = 0.1;
const PROCESSES = [1, 4] as const;

await using folder = temporaryFolder();
await using _broker = await ChildScript.start('broker-script.ts', folder.path);
await using client = await BrokerClient.connect({ dataDir: folder.path, logger: silentLogger });
const queue = await client.queues.ensure('bench');

await throughput('traffic', 1, count / 10);
const rounds = new Map<string, number[]>();
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const processes of PROCESSES) {
    const broker = await throughput('traffic', processes, count);
    const direct = await throughput('direct', processes, count * DIRECT_SHARE);
    note(`messages a second, ${processes} client${processes > 1 ? 's' : ''}`, broker);
    note(`without a broker, ${processes} process${processes > 1 ? 'es' : ''}`, direct);
  }
}
const figures = Object.fromEntries([...rounds].map(([name, samples]) => [name, percentile(samples, 0.5)]));
for (const role of ['waiting', 'polling'] as const) {
  const latencies = await wakeUps(role);
  figures[`wake-up p50 ms, ${role}`] = percentile(latencies, 0.5);
  figures[`wake-up p99 ms, ${role}`] = percentile(latencies, 0.99);
}
if (values.json) console.log(JSON.stringify(figures));
else for (const [name, value] of Object.entries(figures)) console.log(`${name.padEnd(36)} ${format(value)}`);

/** Messages a second of so many processes together. */
async function throughput(role: 'traffic' | 'direct', processes: number, messages: number): Promise<number> {
  const each = Math.ceil(messages / processes);
  const users = await Promise.all(Array.from({ length: processes }, () => user(role, each)));
  const startedAt = performance.now();
  await Promise.all(users.map(({ run }) => run()));
  return (each * processes * 1000) / (performance.now() - startedAt);
}

/** Milliseconds from send to arrival of messages that come one at a time. */
async function wakeUps(role: 'waiting' | 'polling'): Promise<number[]> {
  const { child, run } = await user(role, wakes);
  const done = run();
  for (let index = 0; index < wakes; index++) {
    const arrived = once(child, 'message');
    // Not in step with anything that ticks.
    await sleep(5 + Math.random() * 20);
    await queue.send(String(process.hrtime.bigint()));
    await arrived;
  }
  return (await done) as number[];
}

interface User {
  readonly child: ChildProcess;
  /** Lets it go, and resolves to what it found. */
  readonly run: () => Promise<unknown>;
}

async function user(role: string, messages: number): Promise<User> {
  const child = fork(join(import.meta.dirname, 'queue-user.ts'), [role, folder.path, String(messages)]);
  await once(child, 'message');
  const run = () =>
    new Promise<unknown>((resolve, reject) => {
      child.on('message', (said) => {
        if (typeof said === 'object' && said !== null && 'result' in said) resolve(said.result);
      });
      child.on('exit', (code) => reject(new Error(`${role} ended with ${code}`)));
      child.send('go');
    });
  return { child, run };
}

function note(name: string, figure: number): void {
  rounds.set(name, [...(rounds.get(name) ?? []), figure]);
}

function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2);
}
