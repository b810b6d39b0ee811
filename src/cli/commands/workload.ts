import { type Command, InvalidArgumentError } from 'commander';

import { runWorkload } from '../../workload/generator.ts';
import { openPictureFolder } from '../../workload/pictures.ts';
import { readPredictions } from '../../workload/predictions.ts';
import { reportText, type Tally } from '../../workload/report.ts';
import { configOf, examples, type Verb } from '../command.ts';
import { createProgress } from '../progress.ts';

const CLOSED_LOOP_CONCURRENCY = 100;
/** An open loop needs room for the requests that a slow server keeps waiting. */
const OPEN_LOOP_CONCURRENCY = 1_000;

interface Options {
  readonly num_request?: number;
  readonly url?: string;
  readonly image_folder: string;
  readonly prediction_file?: string;
  readonly concurrency?: number;
  readonly rate?: number;
  readonly duration?: number;
  readonly timeout: number;
  readonly apiKey?: string;
  readonly json?: boolean;
}

const verb: Verb = {
  define(command) {
    command
      .option('--num_request <n>', 'how many pictures to send (default: each of the folder once)', count)
      .option('--url <url>', 'where to post them (default: the service of this configuration)')
      .requiredOption(
        '--image_folder <folder>',
        'the pictures; sent again from the start when there are fewer',
      )
      .option('--prediction_file <csv>', 'who is on them: columns Image (file name) and Results (name)')
      .option('--concurrency <n>', 'most requests at once (default: 100; with --rate 1000)', count)
      .option('--rate <n>', 'requests a second, however long the answers take', positive)
      .option('--duration <seconds>', 'start no request after this time', positive)
      .option('--timeout <seconds>', 'give a request up after this time', positive, 300)
      .option('--api-key <key>', 'sent as Authorization: Bearer (default: the first of the configuration)')
      .option('--json', 'the report as one JSON object')
      .action(sendWorkload);
    examples(command, [
      ['facefleet workload --image_folder faces --num_request 1000', '1000 pictures, 100 at once'],
      ['facefleet workload --image_folder faces --prediction_file names.csv', 'and check the names'],
      ['facefleet workload --image_folder faces --rate 50 --duration 60', '50 a second for a minute'],
    ]);
    command.addHelpText(
      'after',
      '\nExit codes: 0 all answered (and, with --prediction_file, all names right), 1 not, or interrupted, 2 called wrongly.',
    );
  },
};
export default verb;

async function sendWorkload(options: Options, self: Command): Promise<void> {
  const { config } = configOf(self);
  const pictures = await openPictureFolder(options.image_folder);
  const predictions =
    options.prediction_file === undefined ? undefined : await readPredictions(options.prediction_file);
  const requests = options.num_request ?? (options.duration === undefined ? pictures.count : undefined);
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  using progress = createProgress({ label: 'sending', total: requests });
  const report = await runWorkload({
    url: options.url ?? `http://127.0.0.1:${config.port}/`,
    pictures,
    predictions,
    requests,
    durationSeconds: options.duration,
    concurrency:
      options.concurrency ?? (options.rate === undefined ? CLOSED_LOOP_CONCURRENCY : OPEN_LOOP_CONCURRENCY),
    ratePerSecond: options.rate,
    timeoutSeconds: options.timeout,
    apiKey: options.apiKey ?? config.apiKeys[0],
    signal: interrupt.signal,
    onFinished: (tally) => {
      progress.advance();
      progress.status(statusOf(tally));
    },
  });
  progress.finish();
  process.stdout.write(
    options.json ? `${JSON.stringify(report)}\n` : reportText(report, predictions !== undefined),
  );
  const isGood = report.failures === 0 && report.wrongNames === 0 && report.requests > 0;
  if (!isGood || interrupt.signal.aborted) process.exitCode = 1;
}

function statusOf({ failed, wrong }: Tally): string {
  return [failed > 0 ? `${failed} failed` : '', wrong > 0 ? `${wrong} wrong names` : '']
    .filter(Boolean)
    .join(', ');
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('Expected a whole number from 1.');
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}
