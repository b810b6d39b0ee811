import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A script of this folder in a process of its own. It ends with this process, however that ends. */
export class ChildScript implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** Resolves to its exit code, or to the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #words: unknown[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ended = once(child, 'exit').then(([code, signal]) => code ?? signal);
    child.on('message', (word) => this.#words.push(word));
  }

  /** Resolves when the script has said `ready`. */
  static async start(script: string, ...args: string[]): Promise<ChildScript> {
    return await ChildScript.startUntil('ready', script, ...args);
  }

  /** Resolves when the script has said the word. */
  static async startUntil(word: string, script: string, ...args: string[]): Promise<ChildScript> {
    const started = new ChildScript(fork(join(import.meta.dirname, script), args, { execArgv: [] }));
    await started.says(word);
    return started;
  }

  /** Resolves when the script has sent this word, perhaps long ago; rejects when it ends before. */
  async says(word: string): Promise<void> {
    while (!this.#words.includes(word)) {
      const ended = this.ended.then(() => {
        throw new Error(`the script ended before it said ${word}; it said ${JSON.stringify(this.#words)}`);
      });
      await Promise.race([once(this.#child, 'message'), ended]);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** As `kill -9`: no last word, no tidying up. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill();
  }
}
