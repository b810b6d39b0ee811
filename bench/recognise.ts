/**
 * What recognising a picture costs: milliseconds by stage, what the pipeline adds to bare decoding and bare networks in the
 * same run, pictures a second of one and of two processes, and their peak memory.
 *
 * `node bench/recognise.ts [--pack fast] [--seconds 5] [--json]`
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config.ts';
import type { LaneOrder, LaneReport } from './recognise/lane.ts';
import { type BenchPicture, benchPictures } from './recognise/pictures.ts';
import { measureStages, type StageFigures } from './recognise/stages.ts';

const { values } = parseArgs({
  options: {
    pack: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const { config } = loadConfig(values.pack === undefined ? {} : { flags: { pack: values.pack } });
const settings = {
  modelsDir: join(config.dataDir, 'models'),
  packId: config.pack,
  seconds: Number(values.seconds),
};

interface Figures extends StageFigures {
  readonly picture: string;
  /** Pictures a second, all processes together. */
  readonly oneProcess: number;
  readonly twoProcesses: number;
  /** Of one process. */
  readonly peakBytes: number;
}

const all: Figures[] = [];
for (const picture of await benchPictures()) {
  const figures = await measure(picture);
  all.push(figures);
  if (!values.json) console.log(asText(figures));
}
if (values.json) console.log(JSON.stringify({ pack: settings.packId, pictures: all }));

async function measure({ name, bytes }: BenchPicture): Promise<Figures> {
  const stages = await measureStages(bytes, settings);
  const [one] = await runLanes(1, bytes);
  const two = await runLanes(2, bytes);
  return {
    picture: name,
    ...stages,
    oneProcess: one?.picturesPerSecond ?? 0,
    twoProcesses: two.reduce((sum, { picturesPerSecond }) => sum + picturesPerSecond, 0),
    peakBytes: one?.peakBytes ?? 0,
  };
}

async function runLanes(count: number, bytes: Buffer): Promise<LaneReport[]> {
  const order: LaneOrder = { ...settings, base64: bytes.toString('base64') };
  const lanes = Array.from({ length: count }, () => fork(join(import.meta.dirname, 'recognise/lane.ts')));
  for (const lane of lanes) lane.send(order);
  await Promise.all(lanes.map((lane) => once(lane, 'message')));
  const reports = lanes.map(reportOf);
  for (const lane of lanes) lane.send('go');
  return await Promise.all(reports);
}

async function reportOf(lane: ChildProcess): Promise<LaneReport> {
  const [report] = await once(lane, 'message');
  return report;
}

function asText(figures: Figures): string {
  const { picture, faces, decodeMs, detectMs, embedMs, pipelineMs, added } = figures;
  const { bareDecodeMs, bareModelsMs, oneProcess, twoProcesses, peakBytes } = figures;
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  return [
    `${picture}, ${faces === 1 ? 'one face' : `${faces} faces`}`,
    `  pipeline   ${ms(pipelineMs)}: decode ${ms(decodeMs)}, detect ${ms(detectMs)}, embed ${ms(embedMs)}`,
    `  bare       ${ms(bareDecodeMs + bareModelsMs)}: decode ${ms(bareDecodeMs)}, networks ${ms(bareModelsMs)}; the pipeline adds ${(added * 100).toFixed(1)} %`,
    `  pictures/s ${oneProcess.toFixed(1)} with one process, ${twoProcesses.toFixed(1)} with two; peak memory ${Math.round(peakBytes / 2 ** 20)} MB`,
  ].join('\n');
}
