import { notifyEnvironment } from '../config.ts';
import type { ErrorCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { Notifier } from '../systemd/notifier.ts';

/** What a child of `up` says over its IPC channel. */
export type ChildMessage =
  | { readonly type: 'ready'; readonly facts: Readonly<Record<string, string | number>> }
  /** Starting is pointless until a person changes something; `up` stops and shows the message. */
  | { readonly type: 'fatal'; readonly message: string; readonly code: ErrorCode };

/** What `up` says to a child. */
export interface ParentMessage {
  /** `stop`: the whole service ends, in order; a broken channel means the same, without the order. */
  readonly type: 'stop';
}

export interface ChildLink extends Disposable {
  /** Aborts when it is time to drain and end: a signal, `stop` from the parent, or the parent's death. The reason says which. */
  readonly stop: AbortSignal;
  /** Whether a supervisor started this process. */
  readonly isSupervised: boolean;
  /** Tells the supervisor, `up` or systemd, that the tier serves. */
  ready(facts: Readonly<Record<string, string | number>>): void;
}

export type StopReason = 'signal' | 'parent-stops' | 'parent-died';

/**
 * A tier's side of the channel to its supervisor. Without one only signals count; systemd is told what `up` would be.
 *
 * The first signal drains, a second ends the process at once.
 */
export function linkToParent(logger: Logger): ChildLink {
  const controller = new AbortController();
  const isSupervised = process.send !== undefined;
  const notifier = new Notifier({ environment: notifyEnvironment(), logger });
  const stopFor = (reason: StopReason) => {
    if (!controller.signal.aborted) {
      logger.info({ reason }, 'stopping');
      notifier.stopping();
    }
    controller.abort(reason);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted && controller.signal.reason === 'signal') {
      logger.warn({ signal }, 'second signal: ending at once');
      process.exit(130);
    }
    stopFor('signal');
  };
  const onMessage = (message: ParentMessage) => {
    if (message.type === 'stop') stopFor('parent-stops');
  };
  const onDisconnect = () => stopFor('parent-died');

  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  process.on('message', onMessage);
  process.on('disconnect', onDisconnect);
  return {
    stop: controller.signal,
    isSupervised,
    ready: (facts) => {
      sendToParent({ type: 'ready', facts });
      notifier.ready(typeof facts.url === 'string' ? `serving ${facts.url}` : 'serving');
    },
    [Symbol.dispose]: () => {
      notifier[Symbol.dispose]();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
      process.off('message', onMessage);
      process.off('disconnect', onDisconnect);
      // An open channel keeps the process alive.
      if (process.connected) process.disconnect?.();
    },
  };
}

/** Says so to the supervisor, if there is one; a supervisor that just died needs no telling. */
export function sendToParent(message: ChildMessage): void {
  if (process.send === undefined || !process.connected) return;
  process.send(message, undefined, {}, () => {});
}
