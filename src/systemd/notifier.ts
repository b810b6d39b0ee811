import { spawn } from 'node:child_process';
import type { Logger } from '../logger.ts';

/** What systemd tells a service of `Type=notify` in its environment. */
export interface NotifyEnvironment {
  /** NOTIFY_SOCKET; undefined when nobody wants to be told. */
  readonly socket: string | undefined;
  /** WATCHDOG_USEC as milliseconds; undefined when no watchdog is set for this process. */
  readonly watchdogMs: number | undefined;
}

export interface NotifierOptions {
  readonly environment: NotifyEnvironment;
  readonly logger: Logger;
  /** The program that speaks for us; a test may give another. */
  readonly command?: string;
}

/** Of the watchdog's time: two beats may be lost before systemd kills. */
const BEATS_PER_TIMEOUT = 3;
/** `systemd-notify` waits until systemd has read its message; longer than this, systemd does not read. */
const CALL_TIMEOUT_MS = 10_000;

/**
 * Tells systemd how this service fares: ready, still alive, about to end. Elsewhere it does nothing.
 *
 * Node has no Unix datagram sockets, so the messages are sent by `systemd-notify`, a child of some 5 ms of CPU that comes
 * with systemd itself; units need `NotifyAccess=all` for it. It is started by a timer on the main thread: a process whose
 * event loop hangs stops beating, and is killed and started again. (`node:ffi` could call `sendto`, but is experimental;
 * `OpenFile=` could hand us a connected socket, but only from systemd 253 on, and Debian 12 and Amazon Linux 2023 have 252.)
 */
export class Notifier implements Disposable {
  readonly #options: NotifierOptions;
  #beats: NodeJS.Timeout | undefined;
  #isSilenced = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** The service serves. `status` is what `systemctl status` shows, one line. From now on the watchdog is fed. */
  ready(status: string): void {
    const { socket, watchdogMs } = this.#options.environment;
    if (socket === undefined || this.#isSilenced) return;
    this.#send('READY=1', `STATUS=${status.replaceAll(/\s+/g, ' ')}`);
    if (watchdogMs === undefined || this.#beats !== undefined) return;
    this.#beats = setInterval(() => this.#send('WATCHDOG=1'), watchdogMs / BEATS_PER_TIMEOUT);
    this.#beats.unref();
  }

  /** The service is ending of its own accord or because it was told to; the watchdog is fed until it has. */
  stopping(): void {
    if (this.#options.environment.socket !== undefined && !this.#isSilenced) this.#send('STOPPING=1');
  }

  [Symbol.dispose](): void {
    clearInterval(this.#beats);
    this.#isSilenced = true;
  }

  #send(...assignments: string[]): void {
    const { environment, logger, command = 'systemd-notify' } = this.#options;
    const child = spawn(command, assignments, {
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', NOTIFY_SOCKET: environment.socket },
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: CALL_TIMEOUT_MS,
    });
    // One that fails once may work next time; systemd kills us if it does not.
    const warn = (how: object) => logger.warn({ ...how, assignments }, 'systemd could not be told');
    child.once('error', (error) => warn({ error: error.message }));
    child.once('exit', (code, signal) => {
      if (code !== 0) warn({ code, signal });
    });
    child.unref();
  }
}
