import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:https';

import { errorMessage, FacefleetError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';

/** Looked at so often; whoever renews a certificate does so days before it is needed. */
const LOOK_MS = 10_000;
/** Renewal every 60 to 90 days is the custom, and 30 days before the end: at 14 something went wrong. */
const WARN_BEFORE_MS = 14 * 86_400_000;

export interface TlsFiles {
  /** PEM: the certificate, then what it was signed by. */
  readonly certFile: string;
  /** PEM, not encrypted. */
  readonly keyFile: string;
}

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  readonly subject: string;
}

/**
 * Reads certificate and key, and makes sure that they can serve.
 *
 * @throws FacefleetError `config-invalid` that names the file: unreadable, not PEM, not a pair, expired, not valid yet.
 */
export function readKeyPair({ certFile, keyFile }: TlsFiles, now: number): KeyPair {
  const cert = read('FACEFLEET_TLS_CERT', certFile);
  const key = read('FACEFLEET_TLS_KEY', keyFile);
  const certificate = parseCertificate(cert, certFile);
  if (!certificate.checkPrivateKey(parseKey(key, keyFile))) {
    throw invalid(`the key ${keyFile} does not belong to the certificate ${certFile}`);
  }
  const startsAt = certificate.validFromDate.getTime();
  const expiresAt = certificate.validToDate.getTime();
  if (now >= expiresAt) throw invalid(`the certificate ${certFile} expired on ${day(expiresAt)}`);
  if (now < startsAt) {
    throw invalid(
      `the certificate ${certFile} is valid from ${day(startsAt)} on, and this clock says ${day(now)}`,
    );
  }
  return { cert, key, expiresAt, subject: certificate.subjectAltName ?? certificate.subject };
}

/** Whether to speak of it now. */
export function expiresSoon({ expiresAt }: KeyPair, now: number): boolean {
  return expiresAt - now < WARN_BEFORE_MS;
}

export interface CertificateWatchOptions {
  readonly server: Server;
  readonly files: TlsFiles;
  /** What the server was started with. */
  readonly current: KeyPair;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Gives the server a renewed certificate for its next connections, without a restart. Files are compared every ten seconds
 * rather than watched: renewal swaps links and folders, which watchers miss. A pair that cannot serve, half written
 * perhaps, is told once and looked at again; the old one serves on.
 */
export class CertificateWatch implements AsyncDisposable {
  readonly #options: CertificateWatchOptions;
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;
  #current: KeyPair;
  #loadedFrom: string;
  #trouble: string | undefined;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CertificateWatchOptions) {
    this.#options = options;
    this.#current = options.current;
    this.#loadedFrom = stateOf(options.files);
    this.#watching = this.#watch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stop.signal.aborted) {
      this.#warnOfExpiry();
      await clock.sleep(LOOK_MS, this.#stop.signal);
      if (!this.#stop.signal.aborted) this.#look();
    }
  }

  #look(): void {
    const { server, files, clock, logger } = this.#options;
    const state = stateOf(files);
    if (state === this.#loadedFrom) return;
    try {
      const renewed = readKeyPair(files, clock.now());
      server.setSecureContext({ cert: renewed.cert, key: renewed.key });
      this.#current = renewed;
      this.#loadedFrom = state;
      this.#trouble = undefined;
      logger.info({ ...files, subject: renewed.subject, expires: day(renewed.expiresAt) }, 'new certificate');
    } catch (error) {
      const trouble = errorMessage(error);
      if (trouble !== this.#trouble)
        logger.error({ error: trouble }, 'the new certificate cannot serve; the old one goes on');
      this.#trouble = trouble;
    }
  }

  /** Once a day. */
  #warnOfExpiry(): void {
    const { files, clock, logger } = this.#options;
    const now = clock.now();
    if (!expiresSoon(this.#current, now) || now - this.#warnedAt < 86_400_000) return;
    this.#warnedAt = now;
    logger.warn(
      { ...files, expires: day(this.#current.expiresAt) },
      'the certificate expires soon and was not renewed',
    );
  }
}

function read(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'does not exist'
        : code === 'EACCES'
          ? 'may not be read by this user'
          : String(code);
    throw new FacefleetError('config-invalid', `${variable} is ${file}, which ${why}`, { cause });
  }
}

function parseCertificate(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw invalid(
      `${file} is no certificate, expected PEM that begins with -----BEGIN CERTIFICATE-----`,
      cause,
    );
  }
}

function parseKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const isEncrypted = /ENCRYPTED/.test(pem);
    throw invalid(
      isEncrypted
        ? `the key ${file} is encrypted; take one without a passphrase that only this user may read`
        : `${file} is no private key, expected PEM that begins with -----BEGIN PRIVATE KEY-----`,
      cause,
    );
  }
}

/** Changes when either file does, also when a link to it is turned. */
function stateOf({ certFile, keyFile }: TlsFiles): string {
  return [certFile, keyFile]
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found === undefined ? 'missing' : `${found.dev}.${found.ino}.${found.size}.${found.mtimeMs}`;
    })
    .join(' ');
}

function invalid(message: string, cause?: unknown): FacefleetError {
  return new FacefleetError('config-invalid', message, cause === undefined ? {} : { cause });
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
