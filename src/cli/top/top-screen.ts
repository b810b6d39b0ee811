import { printable } from '../output.ts';
import type { TopSample } from './top-sample.ts';

/** How a stretch of a line is shown where there are colours. */
export type Tone = 'title' | 'heading' | 'good' | 'warn' | 'bad' | 'dim';

export interface Stretch {
  readonly text: string;
  readonly tone?: Tone;
}

export type ScreenLine = readonly Stretch[];

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

const LEVELS = '▁▂▃▄▅▆▇█';
const LEAST_DECISIONS = 3;
/** Of what goes on below: to the end of the column of times. */
const INDENT = 10;

/** The screen as lines, cut to its size. `backlogs`: how many jobs waited at each look, oldest first. */
export function layOut(sample: TopSample, backlogs: readonly number[], size: ScreenSize): ScreenLine[] {
  const lines: ScreenLine[] = [
    ...summary(sample, backlogs, size.columns),
    ...sample.missing.map((what): ScreenLine => [{ text: printable(what), tone: 'bad' }]),
    [],
    ...queueLines(sample),
    [],
    ...workerLines(sample, Math.max(1, size.rows - 12 - (sample.queues?.length ?? 0) - LEAST_DECISIONS)),
    [],
    ...decisionLines(sample, size.columns),
  ];
  return lines.slice(0, size.rows).map((line) => cut(line, size.columns));
}

/** Lines as plain text, for where there is no terminal. */
export function plainText(lines: readonly ScreenLine[]): string {
  return lines
    .map(
      (line) =>
        `${line
          .map(({ text }) => text)
          .join('')
          .trimEnd()}\n`,
    )
    .join('');
}

function summary(
  { at, queues, fleet, latency, instanceSeconds }: TopSample,
  backlogs: readonly number[],
  columns: number,
) {
  const [requests] = queues ?? [];
  const time = new Date(at).toTimeString().slice(0, 8);
  const led = fleet === null || fleet.isLed ? '' : '  no controller leads';
  const paused = fleet?.pausedAt == null ? '' : '  paused';
  const waiting = requests === undefined ? '-' : String(requests.visible + requests.delayed);
  const lines: ScreenLine[] = [
    [{ text: 'facefleet', tone: 'title' }, { text: `  ${time}` }, { text: `${led}${paused}`, tone: 'bad' }],
    [
      {
        text: `waiting ${waiting}  in flight ${requests?.inFlight ?? '-'}  oldest ${seconds(requests?.oldestAgeSeconds)}  `,
      },
      { text: sparkline(backlogs, Math.max(0, columns - 48)), tone: 'dim' },
    ],
    [
      {
        text: `answers ${latency === null ? '-' : latency.perSecond.toFixed(1)}/s  p50 ${seconds(latency?.p50Seconds)}  p95 ${seconds(latency?.p95Seconds)}  p99 ${seconds(latency?.p99Seconds)}`,
      },
    ],
    [
      {
        text: `instances ${occupied(fleet)} of ${fleet?.desired ?? '-'} wanted  cost ${instanceSeconds === null ? '-' : `${(instanceSeconds / 3600).toFixed(2)} instance hours`}`,
      },
    ],
  ];
  return lines;
}

function queueLines({ queues }: TopSample): ScreenLine[] {
  const rows = (queues ?? []).map(({ name, visible, inFlight, delayed, oldestAgeSeconds }): ScreenLine => {
    const text = `${printable(name).padEnd(32)} ${right(visible)} ${right(inFlight)} ${right(delayed)} ${seconds(oldestAgeSeconds).padStart(9)}`;
    return [{ text, ...(name.endsWith('-dead-queue') && visible > 0 ? { tone: 'bad' as const } : {}) }];
  });
  const heading = `${'QUEUE'.padEnd(32)} ${'VISIBLE'.padStart(9)} ${'IN FLIGHT'.padStart(9)} ${'DELAYED'.padStart(9)} ${'OLDEST'.padStart(9)}`;
  return [[{ text: heading, tone: 'heading' }], ...rows];
}

function workerLines({ workers }: TopSample, most: number): ScreenLine[] {
  const heading = `${'SLOT'.padStart(4)}  ${'STATE'.padEnd(9)} ${'BUSY'.padStart(5)} ${'DONE'.padStart(9)} ${'A JOB'.padStart(9)} ${'MEMORY'.padStart(9)} ${'GALLERY'.padStart(9)} ${'UP'.padStart(9)}`;
  const all = workers ?? [];
  const rows = all.slice(0, most).map((worker): ScreenLine => {
    const { slot, state, busy, done, serviceSeconds, residentBytes, galleryVersion, uptimeSeconds } = worker;
    const tone = state === 'running' ? (busy > 0 ? 'good' : 'dim') : 'warn';
    const memory = `${Math.round(residentBytes / 1e6)} MB`;
    return [
      { text: `${String(slot).padStart(4)}  ` },
      { text: printable(state).padEnd(9), tone },
      {
        text: ` ${String(busy).padStart(5)} ${right(done)} ${seconds(serviceSeconds).padStart(9)} ${memory.padStart(9)} ${right(galleryVersion)} ${seconds(uptimeSeconds).padStart(9)}`,
      },
    ];
  });
  const rest: ScreenLine[] = all.length > most ? [[{ text: `${all.length - most} more`, tone: 'dim' }]] : [];
  const none: ScreenLine[] = all.length === 0 ? [[{ text: 'no workers: none is needed', tone: 'dim' }]] : [];
  return [[{ text: heading, tone: 'heading' }], ...rows, ...rest, ...none];
}

function decisionLines({ fleet, at }: TopSample, columns: number): ScreenLine[] {
  const heading = `${'DECIDED'.padStart(9)} ${'WANTED'.padStart(6)}  ${'ACTIONS'.padEnd(20)} REASON`;
  const rows = (fleet?.decisions ?? []).flatMap((decision): ScreenLine[] => {
    const ago = seconds((at - decision.at) / 1000);
    const actions = printable(decision.actions.join(', '));
    const shown = actions.length > 20 ? `${actions.slice(0, 19)}…` : actions;
    const facts = `${ago.padStart(9)} ${String(decision.desired).padStart(6)}  ${shown.padEnd(20)} `;
    const [first = '', ...rest] = wrapped(
      printable(decision.reason),
      columns - facts.length,
      columns - INDENT,
    );
    const more = rest.map((text): ScreenLine => [{ text: `${' '.repeat(INDENT)}${text}` }]);
    return [[{ text: facts }, { text: first }], ...more];
  });
  return [[{ text: heading, tone: 'heading' }], ...rows];
}

/** The text in lines of whole words, the first so wide and the others so; a longer word is left to be cut off. */
function wrapped(text: string, firstWidth: number, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    const longer = line === '' ? word : `${line} ${word}`;
    const fits = longer.length <= (lines.length === 1 ? firstWidth : width);
    if (fits || line === '') lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function occupied(fleet: TopSample['fleet']): string {
  return fleet === null ? '-' : String(fleet.slots.filter(({ phase }) => phase !== 'empty').length);
}

/** The last ones, the highest as high as it goes. */
function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  if (width === 0 || shown.length < 2) return '';
  const highest = Math.max(1, ...shown);
  return shown.map((value) => LEVELS[Math.round((value / highest) * (LEVELS.length - 1))]).join('');
}

function right(count: number): string {
  return String(count).padStart(9);
}

/** Two digits, in the unit that people would say. */
function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return '-';
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 100) return `${Number(value.toPrecision(2))} s`;
  if (value < 6000) return `${Math.round(value / 60)} min`;
  return value < 172_800 ? `${Math.round(value / 3600)} h` : `${Math.round(value / 86_400)} d`;
}

function cut(line: ScreenLine, columns: number): ScreenLine {
  let left = columns;
  return line.flatMap((stretch) => {
    const text = stretch.text.slice(0, left);
    left -= text.length;
    return text === '' ? [] : [{ ...stretch, text }];
  });
}
