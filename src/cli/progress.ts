import { systemClock } from '../adapters/local/system-clock.ts';
import type { Clock } from '../ports/clock.ts';

const BAR_CELLS = 24;
const REDRAW_MS = 100;
const LINE_MS = 5_000;

export interface ProgressOptions {
  /** What is being done: `enrolling`, `sending`. */
  readonly label: string;
  /** How many steps there are; leave it out when nobody knows. */
  readonly total?: number | undefined;
  readonly output?: Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'write'>;
  readonly clock?: Pick<Clock, 'monotonic'>;
}

export interface Progress extends Disposable {
  /** `count` more steps are done (default 1). */
  advance(count?: number): void;
  /** Prints a line that stays, above the bar. */
  note(text: string): void;
  /** Words shown behind the bar until others replace them: `3 failed`. */
  status(text: string): void;
  /** Draws the last state and ends the line. Calling it again, or disposing afterwards, does nothing. */
  finish(): void;
}

/**
 * Progress on stderr: a bar on a terminal, elsewhere (a log file, a pipe) a line every five seconds and one at the end.
 *
 * It draws when something happens and holds no timer, so that it never keeps a process alive.
 */
export function createProgress(options: ProgressOptions): Progress {
  const { label, total, output = process.stderr, clock = systemClock } = options;
  const startedAt = clock.monotonic();
  const isTerminal = output.isTTY === true;
  const pauseMs = isTerminal ? REDRAW_MS : LINE_MS;
  let drawnAt = isTerminal ? Number.NEGATIVE_INFINITY : startedAt;
  let done = 0;
  let status = '';
  let isFinished = false;

  const draw = () => {
    drawnAt = clock.monotonic();
    const line = progressLine({ label, total, done, status, elapsedMs: drawnAt - startedAt, isTerminal });
    output.write(isTerminal ? `\r${clip(line, output.columns)}\u001b[K` : `${line}\n`);
  };
  const drawIfDue = () => {
    if (!isFinished && clock.monotonic() - drawnAt >= pauseMs) draw();
  };
  const finish = () => {
    if (isFinished) return;
    isFinished = true;
    draw();
    if (isTerminal) output.write('\n');
  };

  drawIfDue();
  return {
    advance(count = 1) {
      done += count;
      drawIfDue();
    },
    note(text) {
      output.write(isTerminal ? `\r\u001b[K${text}\n` : `${text}\n`);
      if (isTerminal && !isFinished) draw();
    },
    status(text) {
      status = text;
      drawIfDue();
    },
    finish,
    [Symbol.dispose]: finish,
  };
}

interface ProgressState {
  readonly label: string;
  readonly total: number | undefined;
  readonly done: number;
  readonly status: string;
  readonly elapsedMs: number;
  readonly isTerminal: boolean;
}

function progressLine({ label, total, done, status, elapsedMs, isTerminal }: ProgressState): string {
  const parts = [label];
  if (total === undefined) {
    parts.push(String(done));
  } else {
    const share = total === 0 ? 1 : Math.min(1, done / total);
    if (isTerminal) parts.push(bar(share));
    parts.push(`${Math.floor(share * 100)} %`, `${done}/${total}`);
  }
  parts.push(duration(elapsedMs));
  if (total !== undefined && done > 0 && done < total) {
    parts.push(`${duration((elapsedMs / done) * (total - done))} left`);
  }
  if (status !== '') parts.push(status);
  return parts.join('  ');
}

function bar(share: number): string {
  const filled = Math.floor(share * BAR_CELLS);
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)}`;
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A line that wraps would be drawn again below itself. */
function clip(line: string, columns: number | undefined): string {
  return line.slice(0, Math.max(20, (columns ?? 80) - 1));
}
