import type { ReadStream, WriteStream } from 'node:tty';
import { styleText } from 'node:util';

import type { ScreenLine, ScreenSize, Tone } from './top-screen.ts';

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const CONTROL_C = '\u0003';
const STYLES: Readonly<Record<Tone, Parameters<typeof styleText>[0]>> = {
  title: 'bold',
  heading: 'inverse',
  good: 'green',
  warn: 'yellow',
  bad: 'red',
  dim: 'dim',
};

/**
 * A terminal taken over for a while: its other screen, without a cursor, keys as they come. However the process ends, short
 * of SIGKILL, the terminal is given back as it was.
 */
export class Terminal implements Disposable {
  readonly #output: WriteStream;
  readonly #input: ReadStream;
  readonly #quit = new AbortController();
  readonly #giveBack = () => this[Symbol.dispose]();
  readonly #onKey = (keys: Buffer) => {
    if (/[qQ]/.test(keys.toString()) || keys.includes(CONTROL_C)) this.#quit.abort();
  };
  #isTaken = true;

  constructor(output: WriteStream, input: ReadStream) {
    this.#output = output;
    this.#input = input;
    process.once('exit', this.#giveBack);
    output.write(ENTER);
    if (!input.isTTY) return;
    input.setRawMode(true);
    input.on('data', this.#onKey).resume();
  }

  /** Aborts when somebody presses q or Ctrl-C. */
  get quit(): AbortSignal {
    return this.#quit.signal;
  }

  get size(): ScreenSize {
    return { columns: this.#output.columns || 80, rows: this.#output.rows || 24 };
  }

  /** Calls back when the window gets another size. */
  onResize(callback: () => void): void {
    this.#output.on('resize', callback);
  }

  show(lines: readonly ScreenLine[]): void {
    const text = lines.map((line) => `${line.map((stretch) => this.#styled(stretch)).join('')}${CLEAR_LINE}`);
    // No line feed after the last one: on a full screen it would scroll.
    this.#output.write(`${HOME}${text.join('\r\n')}${CLEAR_BELOW}`);
  }

  [Symbol.dispose](): void {
    if (!this.#isTaken) return;
    this.#isTaken = false;
    process.off('exit', this.#giveBack);
    this.#output.removeAllListeners('resize');
    if (this.#input.isTTY) {
      this.#input.off('data', this.#onKey).pause();
      this.#input.setRawMode(false);
    }
    this.#output.write(LEAVE);
  }

  /** Without colours where the terminal has none, or NO_COLOR says so. */
  #styled({ text, tone }: ScreenLine[number]): string {
    return tone === undefined ? text : styleText(STYLES[tone], text, { stream: this.#output });
  }
}
