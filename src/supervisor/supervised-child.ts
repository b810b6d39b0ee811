import { type ChildProcess, spawn } from 'node:child_process';
import { FacefleetError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { ChildMessage, ParentMessage } from './child-link.ts';

export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Longest pause before a restart, milliseconds; pauses start at 50 and double. */
  readonly maxBackoffMs: number;
}

export type ReadyFacts = Readonly<Record<string, string | number>>;

export interface ChildEvents {
  onReady(facts: ReadyFacts): void;
  /** It cannot start until a person changes something. */
  onFatal(error: FacefleetError): void;
}

const FIRST_BACKOFF_MS = 50;
/** A child that lived this long starts over with the first backoff. */
const HEALTHY_AFTER_MS = 10_000;

/**
 * One child process, kept alive.
 *
 * starting → ready → (dies) → pause → starting …, until `stop`. Children lead a session of their own, so that a
 * terminal's Ctrl-C reaches the supervisor alone, which then ends them in order.
 */
export class SupervisedChild {
  readonly name: string;
  readonly #spec: ChildSpec;
  readonly #events: ChildEvents;
  readonly #logger: Logger;
  #process: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #isStopping = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(spec: ChildSpec, events: ChildEvents, logger: Logger) {
    this.name = spec.name;
    this.#spec = spec;
    this.#events = events;
    this.#logger = logger;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  start(): void {
    if (this.#isStopping) return;
    const startedAt = performance.now();
    const child = spawn(this.#spec.command, this.#spec.args, {
      env: this.#spec.environment,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    });
    this.#process = child;
    let fatal: FacefleetError | undefined;
    child.on('message', (message: ChildMessage) => {
      if (message.type === 'ready') this.#events.onReady(message.facts);
      else fatal = new FacefleetError(message.code, message.message);
    });
    this.#ended = new Promise((resolve) => {
      const onEnd = (why: Record<string, unknown>) => {
        this.#process = undefined;
        resolve();
        if (this.#isStopping) return;
        if (fatal !== undefined) this.#events.onFatal(fatal);
        else this.#scheduleRestart(performance.now() - startedAt, why);
      };
      child.once('exit', (code, signal) => onEnd({ code, signal }));
      child.once('error', (error) => {
        // 'error' without a pid: it never started, and no 'exit' will come.
        if (child.pid === undefined) onEnd({ error: error.message });
      });
    });
  }

  /** Asks it to end, and after the grace time makes it. Resolves when it is gone; never starts again. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const child = this.#process;
    if (child === undefined) return;
    const message: ParentMessage = { type: 'stop' };
    child.send(message, () => {});
    const timer = setTimeout(() => {
      this.#logger.warn({ child: this.name, graceMs }, 'did not end in time: killing it');
      child.kill('SIGKILL');
    }, graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  kill(): void {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    this.#process?.kill('SIGKILL');
  }

  #scheduleRestart(livedMs: number, why: Record<string, unknown>): void {
    this.#failures = livedMs >= HEALTHY_AFTER_MS ? 1 : this.#failures + 1;
    const pauseMs = Math.min(FIRST_BACKOFF_MS * 2 ** (this.#failures - 1), this.#spec.maxBackoffMs);
    this.#logger.warn(
      { child: this.name, ...why, livedMs: Math.round(livedMs), pauseMs },
      'died; restarting',
    );
    this.#restart = setTimeout(() => this.start(), pauseMs);
  }
}
