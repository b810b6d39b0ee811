import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly component: string;
  readonly level: string;
  /** Pretty for people, JSON lines for machines; by default pretty on a terminal. */
  readonly format?: 'pretty' | 'json';
}

/** One JSON line an event on stderr (stdout belongs to commands' answers), pretty on a terminal. Synchronous: a dying process says its last word. */
export function createLogger({ component, level, format }: LoggerOptions): Logger {
  const wantsPretty = (format ?? (process.stderr.isTTY ? 'pretty' : 'json')) === 'pretty';
  const destination = wantsPretty
    ? pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
    : pino.destination({ fd: 2, sync: true });
  return pino(
    { level, base: { component, pid: process.pid }, formatters: { level: (label) => ({ level: label }) } },
    destination,
  );
}

export const silentLogger: Logger = pino({ level: 'silent' });
