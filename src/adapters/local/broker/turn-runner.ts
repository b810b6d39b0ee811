import { FacefleetError } from '../../../errors.ts';
import type { BrokerClock } from './broker-clock.ts';
import type { BrokerDatabase } from './database.ts';
import type { QueueRequest } from './protocol.ts';
import type { QueueEngine } from './queue-engine.ts';
import { translateSqliteError } from './sqlite-errors.ts';
import { WaitingRoom } from './waiting-room.ts';

/** Something to do in a turn. */
export type Task =
  | { readonly owner: object; readonly request: QueueRequest }
  /** The owner is gone: its receives end, and what it holds goes back. */
  | { readonly owner: object; readonly held: readonly Delivery[] };

/** A message in somebody's hands. */
export interface Delivery {
  readonly queue: string;
  readonly receipt: string;
}

export interface Answer {
  readonly owner: object;
  readonly request: QueueRequest;
  readonly outcome: { readonly value: unknown } | { readonly error: FacefleetError };
}

/**
 * Works off what came in one turn of the event loop in one transaction, so that a hundred sends cost one sync of the
 * disk, and serves the receives that wait. A turn that accepted nothing isn't synced: should a power cut undo it,
 * messages come again.
 *
 * Answers are returned after the commit only. If that fails the tables are as they were, and everybody who would have
 * had an answer gets the error.
 */
export class TurnRunner {
  readonly #database: BrokerDatabase;
  readonly #engine: QueueEngine;
  readonly #clock: BrokerClock;
  readonly #waiting = new WaitingRoom();

  constructor(parts: { database: BrokerDatabase; engine: QueueEngine; clock: BrokerClock }) {
    this.#database = parts.database;
    this.#engine = parts.engine;
    this.#clock = parts.clock;
  }

  run(tasks: readonly Task[]): Answer[] {
    const answers: Answer[] = [];
    const mustLast = tasks.some((task) => 'request' in task && this.#engine.mustLast(task.request));
    try {
      this.#database.transaction({ mustLast }, () => {
        for (const task of tasks) this.#perform(task, answers);
        this.#serveWaiting(answers);
        this.#clock.saveNowAndThen();
      });
      return answers;
    } catch (error) {
      this.#engine.reload();
      return this.#failAll(tasks, answers, translateSqliteError(error, this.#database.file));
    }
  }

  /** Milliseconds until a turn has something to do even if nobody asks; undefined when nobody waits. */
  msToNextTurn(): number | undefined {
    const queues = this.#waiting.queues();
    if (queues.length === 0) return undefined;
    const visibleAt = queues.map((queue) => this.#engine.nextVisibleAt(queue) ?? Number.POSITIVE_INFINITY);
    return Math.max(0, Math.min(this.#waiting.nextDeadline(), ...visibleAt) - this.#clock.now());
  }

  #perform(task: Task, answers: Answer[]): void {
    if ('held' in task) {
      this.#waiting.takeAllOf(task.owner);
      for (const held of task.held) this.#attempt(() => this.#engine.release({ ...held, delayMs: 0 }));
      return;
    }
    const { owner, request } = task;
    if (request.op === 'receive') {
      this.#waiting.add({ owner, request, deadline: this.#clock.now() + request.waitMs });
      this.#engine.changed.add(request.queue);
    } else if (request.op === 'cancel') {
      const waiter = this.#waiting.take(owner, request.receive);
      if (waiter !== undefined) answers.push(answerTo(waiter, { value: [] }));
    } else {
      answers.push({ owner, request, outcome: this.#attempt(() => this.#call(request)) });
    }
  }

  #call(request: Exclude<QueueRequest, { op: 'receive' | 'cancel' }>): unknown {
    const engine = this.#engine;
    switch (request.op) {
      case 'ensure':
        return engine.ensure(request.queue, request.settings);
      case 'remove':
        return engine.remove(request.queue);
      case 'list':
        return engine.list(request.prefix);
      case 'send':
        return engine.send(request);
      case 'delete':
        return engine.delete(request.queue, request.receipts);
      case 'extend':
        return engine.extend(request);
      case 'release':
        return engine.release(request);
      case 'depth':
        return engine.depth(request.queue);
    }
  }

  #serveWaiting(answers: Answer[]): void {
    const due = this.#waiting.queues().filter((queue) => this.#isDue(queue));
    for (const queue of due) this.#engine.changed.add(queue);
    // Serving may move dead letters, which changes another queue: the set grows while it is walked.
    for (const queue of this.#engine.changed) {
      this.#engine.changed.delete(queue);
      this.#serveQueue(queue, answers);
    }
    for (const waiter of this.#waiting.takeExpired(this.#clock.now())) {
      answers.push(answerTo(waiter, { value: [] }));
    }
  }

  #isDue(queue: string): boolean {
    const visibleAt = this.#engine.nextVisibleAt(queue);
    return visibleAt !== undefined && visibleAt <= this.#clock.now();
  }

  #serveQueue(queue: string, answers: Answer[]): void {
    for (let waiter = this.#waiting.first(queue); waiter !== undefined; waiter = this.#waiting.first(queue)) {
      const { request } = waiter;
      const outcome = this.#attempt(() => this.#engine.receive(request));
      if ('value' in outcome && outcome.value.length === 0) return;
      this.#waiting.takeFirst(queue);
      answers.push(answerTo(waiter, outcome));
    }
  }

  /** A refusal concerns one request; anything else the whole turn. */
  #attempt<T>(call: () => T): { value: T } | { error: FacefleetError } {
    try {
      return { value: call() };
    } catch (error) {
      if (error instanceof FacefleetError) return { error };
      throw error;
    }
  }

  /** Everybody who asked or waits is told: a disk that fails one turn will fail the next. */
  #failAll(tasks: readonly Task[], answers: readonly Answer[], error: FacefleetError): Answer[] {
    const asked = tasks.flatMap((task) => ('request' in task && task.request.op !== 'cancel' ? [task] : []));
    const concerned = [...answers, ...asked, ...this.#waiting.takeEverybody()];
    const byRequest = new Map(concerned.map(({ owner, request }) => [request, { owner, request }] as const));
    return [...byRequest.values()].map((one) => answerTo(one, { error }));
  }
}

function answerTo({ owner, request }: Pick<Answer, 'owner' | 'request'>, outcome: Answer['outcome']): Answer {
  return { owner, request, outcome };
}
