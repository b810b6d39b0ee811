/** What the service answered instead of what was asked for. `message` is for people. */
export class ApiError extends Error {
  /** 0: there was no answer at all. */
  readonly status: number;
  readonly jobId: string | undefined;

  constructor(message: string, status: number, jobId?: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.jobId = jobId;
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

/** Asks the user for a key; resolves when there is one to try. Set by the application. */
let askForKey: (wasRefused: boolean) => Promise<void> = () => Promise.reject(new ApiError('no key', 401));

export function onKeyNeeded(ask: typeof askForKey): void {
  askForKey = ask;
}

/** Of this tab alone, and gone with it. */
export function apiKey(): string | undefined {
  return sessionStorage.getItem(KEY_NAME) ?? undefined;
}

export function keepApiKey(key: string): void {
  sessionStorage.setItem(KEY_NAME, key);
}

/**
 * Sends a request and resolves to its answer; where a key is needed, the user is asked for one first.
 *
 * @throws ApiError for any answer that is no success.
 */
export async function send(path: string, options: CallOptions = {}): Promise<Response> {
  for (;;) {
    const response = await sendOnce(path, options);
    if (response.status !== 401) {
      if (response.ok) return response;
      throw await toError(response);
    }
    await askForKey(apiKey() !== undefined);
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
): Promise<Response> {
  const key = apiKey();
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
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as { detail?: string; title?: string; jobId?: string };
    const message = problem.detail ?? problem.title ?? `status ${response.status}`;
    return new ApiError(sentence(message), response.status, problem.jobId);
  } catch {
    // Not ours: a proxy's page, perhaps.
    return new ApiError(`The service answered with status ${response.status}.`, response.status);
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
