import type { QueueFacts } from '../cloud/account.ts';
import type { CostEstimate } from '../cloud/cost.ts';
import type { Overview } from '../cloud/overview.ts';
import { counted, printable, table } from './output.ts';

/** `aws status` as one screen. */
export function overviewScreen(overview: Overview, now: number): string {
  const { caller, stack, buckets } = overview;
  const lines = [
    `account ${caller.accountId} in ${caller.region}, as ${caller.arn}`,
    stack === undefined
      ? 'no stack: `facefleet aws up` creates it'
      : `stack   ${stack.name} ${stack.status}${stack.statusReason === undefined ? '' : ` (${stack.statusReason})`}`,
  ];
  if (stack?.outputs.Url !== undefined) lines.push(`url     ${stack.outputs.Url}`);
  if (stack !== undefined) lines.push(`program ${stack.parameters.SourceObject || 'not uploaded yet'}`);
  if (stack !== undefined) lines.push(`image   ${imageLine(overview)}`);
  lines.push(
    `buckets ${Object.entries(buckets)
      .map(([bucket, state]) => (state === 'ours' ? bucket : `${bucket} (${state})`))
      .join(', ')}`,
    `queues  requests ${depth(overview.queues.requests)}, responses ${depth(overview.queues.responses)}, dead letters ${depth(overview.queues.deadLetters)}`,
    ...fleetLines(overview),
  );
  return `${lines.join('\n')}\n${instanceTable(overview, now)}`;
}

function imageLine({ stack, image }: Overview): string {
  const id = stack?.parameters.WorkerImage ?? '';
  if (id === '')
    return 'none: workers install at their first boot, which takes minutes (`facefleet aws bake`)';
  return `${id} ${image ?? '(which is gone: bake again)'}`;
}

function depth(queue: QueueFacts | undefined): string {
  if (queue === undefined) return 'missing';
  return queue.inFlight === 0 ? String(queue.visible) : `${queue.visible} + ${queue.inFlight} in work`;
}

function fleetLines({ fleet }: Overview): string[] {
  if (fleet === undefined) return [];
  if ('unknown' in fleet) return [`fleet   cannot be read: ${printable(fleet.unknown)}`];
  const last = fleet.decisions[0];
  const leader = fleet.leader?.isAlive === true ? 'a controller leads' : 'NO controller leads';
  return [
    `fleet   ${leader}, wants ${counted(fleet.desired, 'worker')}${last === undefined ? '' : `: ${printable(last.reason)}`}`,
  ];
}

function instanceTable({ instances }: Overview, now: number): string {
  if (instances.length === 0) return 'no instances\n';
  const rows = instances
    .toSorted((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }))
    .map(({ id, name, state, type, isSpot, launchedAt, publicAddress }) => [
      printable(name),
      id,
      state,
      isSpot ? `${type} spot` : type,
      ago(now - launchedAt.getTime()),
      publicAddress ?? '',
    ]);
  return table(rows, ['NAME', 'INSTANCE', 'STATE', 'TYPE', 'UP', 'ADDRESS']);
}

function ago(milliseconds: number): string {
  const minutes = Math.max(0, Math.round(milliseconds / 60_000));
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** `aws cost` as a page. */
export function costPage(estimate: CostEstimate, region: string): string {
  const { currency, date, fixed, workerType, perWorker, hourly, perThousandPictures } = estimate;
  const money = (value: number) => `${value.toFixed(4)} ${currency}`;
  const rows = [
    ...fixed.map(({ what, hourly: price }) => [what, money(price)]),
    [`each worker, ${workerType}, with disk and address`, money(perWorker)],
  ];
  const totals = hourly.map(({ workers, price }) => [
    counted(workers, 'worker'),
    money(price),
    `${(price * 730).toFixed(2)} ${currency}`,
  ]);
  const elsewhere =
    region === estimate.region
      ? ''
      : ` These are prices of ${estimate.region}, you are in ${region}: say yours with --price type=0.1.`;
  return [
    table(rows, ['WHAT', 'AN HOUR']),
    table(totals, ['WITH', 'AN HOUR', 'A MONTH OF IT']),
    `A thousand pictures cost about ${money(perThousandPictures)} in requests. Prices of ${date}; ${estimate.source}; traffic and logs come on top, spot is less.${elsewhere}\n`,
  ].join('\n');
}
