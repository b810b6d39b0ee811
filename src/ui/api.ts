import { Store } from './kit/store.ts';

/** What the service answered instead of what was asked for. `message` is for people. */
export class ApiError extends Error {
  /** 0: there was no answer at all. */
  readonly status: number;
  /** When it may be asked again, milliseconds since the epoch; undefined where it did not say. */
  readonly retryAt: number | undefined;

  constructor(message: string, status: number, retryAt?: number) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.retryAt = retryAt;
  }
}

export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly form?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const KEY_NAME = 'facefleet-api-key';

/** Asks the user for a key and resolves when there is one to try; `refusal` says why the last one was not good. Set by the application. */
let askForKey = (_refusal: string | undefined): Promise<void> => Promise.reject(keyNeeded());

export function onKeyNeeded(ask: typeof askForKey): void {
  askForKey = ask;
}

export function keyNeeded(): ApiError {
  return new ApiError('An API key is needed for this.', 401);
}

/** The key of this tab alone, gone with it. */
export const apiKey = new Store<string | undefined>(sessionStorage.getItem(KEY_NAME) ?? undefined);
apiKey.subscribe((key) => {
  if (key === undefined) sessionStorage.removeItem(KEY_NAME);
  else sessionStorage.setItem(KEY_NAME, key);
});

/**
 * Sends a request and resolves to its answer; where a key is needed, the user is asked for one first.
 *
 * @throws ApiError for any answer that is no success.
 */
export async function send(path: string, options: CallOptions = {}): Promise<Response> {
  for (;;) {
    const key = apiKey.value;
    const response = await sendOnce(path, options, key);
    if (response.ok) return response;
    const error = await toError(response);
    if (error.status !== 401) throw error;
    // Another call may have been given a good one meanwhile.
    if (apiKey.value === key) await askForKey(key === undefined ? undefined : error.message);
  }
}

/** As `send`, resolving to the JSON of the answer (undefined for 204). */
export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await send(path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function sendOnce(
  path: string,
  { method = 'GET', json, form, headers, signal }: CallOptions,
  key: string | undefined,
): Promise<Response> {
  const body = form ?? (json === undefined ? null : JSON.stringify(json));
  try {
    return await fetch(path, {
      method,
      body,
      signal: signal ?? null,
      cache: 'no-store',
      headers: {
        Accept: 'application/json',
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
        ...headers,
      },
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError('The service does not answer. Is it running?', 0);
  }
}

async function toError(response: Response): Promise<ApiError> {
  const { status } = response;
  const retryAt = retryAtOf(response);
  try {
    const problem = (await response.json()) as { detail?: string; title?: string };
    return new ApiError(sentence(problem.detail ?? problem.title ?? `status ${status}`), status, retryAt);
  } catch {
    // Not ours: a proxy's page, perhaps.
    return new ApiError(`The service answered with status ${status}.`, status, retryAt);
  }
}

function retryAtOf({ headers }: Response): number | undefined {
  const seconds = Number(headers.get('Retry-After') ?? '');
  return seconds > 0 ? Date.now() + seconds * 1000 : undefined;
}

/** Milliseconds until the service may be asked again after this; 0: at once. */
export function waitAfter(error: unknown, now = Date.now()): number {
  return error instanceof ApiError ? Math.max(0, (error.retryAt ?? now) - now) : 0;
}

/** What went wrong, and when to come again where the service says so. */
export function messageOf(error: unknown): string {
  const waitMs = waitAfter(error);
  const again = waitMs > 0 ? ` Try again in ${Math.ceil(waitMs / 1000)} s.` : '';
  return `${error instanceof Error ? error.message : String(error)}${again}`;
}

/** As people read it, where a program wrote a half sentence. */
export function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
