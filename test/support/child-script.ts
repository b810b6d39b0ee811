import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A script of this folder in a process of its own, which has said `ready`. It ends with this process, however that ends. */
export class ChildScript implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = once(child, 'exit');
  }

  static async start(script: string, ...args: string[]): Promise<ChildScript> {
    const child = fork(join(import.meta.dirname, script), args, { execArgv: [] });
    const started = new ChildScript(child);
    const ended = started.#exited.then(() => 'ended');
    const [said] = await Promise.race([once(child, 'message'), ended.then((word) => [word])]);
    assert.equal(said, 'ready', script);
    return started;
  }

  /** As `kill -9`: no last word, no tidying up. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.kill();
  }
}
