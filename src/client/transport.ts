import { OPERATIONS, type Operations } from './operations.ts';
import { pause } from './pause.ts';
import { errorOf, FacefleetConnectionError, retryAfterOf } from './problem.ts';

export type OperationId = keyof Operations;

export interface RetryOptions {
  /** Tries after the first one; 0 for none (4). */
  readonly most?: number | undefined;
  /** Before the first retry where the service doesn't say; doubled for each that follows (0.5). */
  readonly firstPauseSeconds?: number | undefined;
  /** A service that asks for a longer pause is not waited for (60). */
  readonly longestPauseSeconds?: number | undefined;
}

export interface TransportOptions {
  /** Where the service is; a path is kept, for services behind one. */
  readonly url: string | URL;
  readonly apiKey?: string | undefined;
  readonly retries?: RetryOptions | undefined;
  /** Instead of the global one. */
  readonly fetch?: typeof fetch | undefined;
}

/** A request for an operation. */
export interface Ask<Id extends OperationId> {
  readonly params?: Operations[Id]['params'] | undefined;
  readonly query?: Operations[Id]['query'] | undefined;
  readonly json?: Operations[Id]['json'] | undefined;
  /** Instead of JSON. */
  readonly body?: Blob | FormData | undefined;
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  /** For operations that take a key; one is made up where none is given, so that retries are safe. */
  readonly idempotencyKey?: string | undefined;
  /** True: doing it twice comes to the same, though it is a POST without a key. */
  readonly isRepeatable?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Statuses that are an answer though they are no success. */
  readonly alsoFine?: readonly number[] | undefined;
}

/**
 * Sends requests and sends them again where that can help and do no harm: after 429 always, since nothing was done; after
 * 503 and where nothing answered only what may be repeated.
 */
export class Transport {
  readonly #base: string;
  readonly #apiKey: string | undefined;
  readonly #retries: { readonly most: number; readonly first: number; readonly longest: number };
  readonly #fetch: typeof fetch;

  constructor({ url, apiKey, retries = {}, fetch: given }: TransportOptions) {
    const base = new URL(url);
    if (!/^https?:$/.test(base.protocol)) throw new TypeError(`url is ${base.href}, expected http or https`);
    this.#base = `${base.origin}${base.pathname.replace(/\/+$/, '')}`;
    this.#apiKey = apiKey;
    const { most = 4, firstPauseSeconds: first = 0.5, longestPauseSeconds: longest = 60 } = retries;
    this.#retries = { most, first, longest };
    // Browsers want theirs called on the window.
    this.#fetch = given ?? ((...args) => globalThis.fetch(...args));
  }

  /** Resolves to the JSON of the answer; undefined where there is none (204). */
  async json<Id extends OperationId>(id: Id, ask: Ask<Id>): Promise<Operations[Id]['answer']> {
    const response = await this.send(id, ask);
    return (response.status === 204 ? undefined : await response.json()) as Operations[Id]['answer'];
  }

  /** @throws FacefleetApiError, FacefleetConnectionError, or the signal's reason. */
  async send<Id extends OperationId>(id: Id, ask: Ask<Id>): Promise<Response> {
    const { method, path, takesKey } = OPERATIONS[id];
    const url = `${this.#base}${filled(path, ask.params ?? {})}${queryOf(ask.query ?? {})}`;
    const init = this.#init(method, takesKey, ask);
    const isRepeatable = method !== 'POST' || takesKey || ask.isRepeatable === true;
    const request = `${method} ${path}`;
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#try(request, url, init);
      if (outcome instanceof Response && (outcome.ok || ask.alsoFine?.includes(outcome.status)))
        return outcome;
      const pauseSeconds = this.#pauseAfter(outcome, attempt, isRepeatable);
      if (pauseSeconds === undefined) {
        throw outcome instanceof Response ? await errorOf(request, outcome) : outcome;
      }
      if (outcome instanceof Response) dropBody(outcome);
      await pause(pauseSeconds * 1000, ask.signal);
    }
  }

  #init<Id extends OperationId>(method: string, takesKey: boolean, ask: Ask<Id>): RequestInit {
    const { json, body, headers = {}, signal, idempotencyKey } = ask;
    const all: Record<string, string | undefined> = {
      accept: 'application/json',
      'content-type': json === undefined ? undefined : 'application/json',
      authorization: this.#apiKey === undefined ? undefined : `Bearer ${this.#apiKey}`,
      'idempotency-key': takesKey ? (idempotencyKey ?? crypto.randomUUID()) : undefined,
      ...headers,
    };
    const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return {
      method,
      headers: given,
      body: json === undefined ? (body ?? null) : JSON.stringify(json),
      signal: signal ?? null,
      cache: 'no-store',
      redirect: 'error',
    };
  }

  async #try(request: string, url: string, init: RequestInit): Promise<Response | FacefleetConnectionError> {
    try {
      return await this.#fetch(url, init);
    } catch (cause) {
      if (init.signal?.aborted === true) throw cause;
      return new FacefleetConnectionError(request, cause);
    }
  }

  /** Undefined: it is not to be tried again. */
  #pauseAfter(
    outcome: Response | FacefleetConnectionError,
    attempt: number,
    isRepeatable: boolean,
  ): number | undefined {
    const { most, first, longest } = this.#retries;
    if (attempt >= most) return undefined;
    const wasRefused = outcome instanceof Response && outcome.status === 429;
    const mayWork = !(outcome instanceof Response) || outcome.status === 503;
    if (!wasRefused && !(mayWork && isRepeatable)) return undefined;
    const asked = outcome instanceof Response ? retryAfterOf(outcome) : undefined;
    if (asked !== undefined) return asked <= longest ? asked : undefined;
    // Clients that failed together should not come back together.
    return Math.min(longest, first * 2 ** attempt) * (0.5 + Math.random() / 2);
  }
}

/** The connection is free again only when nobody waits for the rest of the answer. */
function dropBody({ body }: Response): void {
  body?.cancel().catch(() => undefined);
}

function filled(path: string, params: Readonly<Record<string, unknown>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = params[name];
    // An empty one would be another address.
    if (typeof value !== 'string' || value === '') {
      throw new TypeError(`${name} is ${JSON.stringify(value)}, expected a text for ${path}`);
    }
    if (value === '.' || value === '..')
      throw new TypeError(`${name} is ${value}, which no address may hold`);
    return encodeURIComponent(value);
  });
}

function queryOf(query: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}
