import {
  type ErrorCode,
  FacefleetError,
  NotFoundError,
  ThrottledError,
  UnavailableError,
} from '../../../errors.ts';
import type { QueueDepth, QueueSettings } from '../../../ports/queue.ts';

/**
 * What goes over the broker's socket. A frame is a JSON array: requests one way, replies the other, in any order;
 * a reply carries the number of its request. Times are milliseconds.
 */
export const PROTOCOL_VERSION = 1;

/** Bodies or receipts in one request; longer batches are cut by the client. */
export const MAX_BATCH = 500;

export interface Operations {
  hello: { request: { protocol: number }; reply: { protocol: number } };
  ensure: { request: { queue: string; settings: QueueSettings }; reply: null };
  remove: { request: { queue: string }; reply: null };
  list: { request: { prefix: string }; reply: { name: string; tags: Readonly<Record<string, string>> }[] };
  send: { request: { queue: string; bodies: readonly string[]; delayMs: number }; reply: null };
  /**
   * `token` names this delivery in the receipts. With `isRetry` the broker first looks for messages it has already
   * handed out under the token: the reply was lost with the connection, and they would be hidden for nothing.
   */
  receive: {
    request: {
      queue: string;
      max: number;
      waitMs: number;
      visibilityMs: number;
      token: number;
      isRetry: boolean;
    };
    reply: DeliveredMessage[];
  };
  /** Ends a waiting receive, which then replies with nothing. */
  cancel: { request: { receive: number }; reply: null };
  delete: { request: { queue: string; receipts: readonly string[] }; reply: null };
  extend: { request: { queue: string; receipt: string; visibilityMs: number }; reply: null };
  release: { request: { queue: string; receipt: string; delayMs: number }; reply: null };
  depth: { request: { queue: string }; reply: QueueDepth };
  /** Replies when the lock is held. `isReclaim`: it was held when the connection broke. */
  lock: { request: { name: string; isReclaim: boolean }; reply: null };
  /** Gives the lock back, or stops waiting for it; `lock` is the number of that request. */
  unlock: { request: { lock: number }; reply: null };
}

export type OperationName = keyof Operations;

export interface DeliveredMessage {
  readonly id: string;
  readonly body: string;
  readonly receipt: string;
  readonly receiveCount: number;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
}

export type RequestOf<Name extends OperationName> = { readonly id: number; readonly op: Name } & Readonly<
  Operations[Name]['request']
>;
export type Request = { [Name in OperationName]: RequestOf<Name> }[OperationName];

/** Requests that need the database. */
export type QueueRequest = Exclude<Request, { op: 'hello' | 'lock' | 'unlock' }>;

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };

type FieldType = 'string' | 'integer' | 'boolean' | 'strings' | 'object';

const FIELDS: {
  readonly [Name in OperationName]: Readonly<Record<keyof Operations[Name]['request'], FieldType>>;
} = {
  hello: { protocol: 'integer' },
  ensure: { queue: 'string', settings: 'object' },
  remove: { queue: 'string' },
  list: { prefix: 'string' },
  send: { queue: 'string', bodies: 'strings', delayMs: 'integer' },
  receive: {
    queue: 'string',
    max: 'integer',
    waitMs: 'integer',
    visibilityMs: 'integer',
    token: 'integer',
    isRetry: 'boolean',
  },
  cancel: { receive: 'integer' },
  delete: { queue: 'string', receipts: 'strings' },
  extend: { queue: 'string', receipt: 'string', visibilityMs: 'integer' },
  release: { queue: 'string', receipt: 'string', delayMs: 'integer' },
  depth: { queue: 'string' },
  lock: { name: 'string', isReclaim: 'boolean' },
  unlock: { lock: 'integer' },
};

/** A request that is none, but says whom to tell. */
export interface Refusal {
  readonly id: number;
  readonly refusal: string;
}

/**
 * What a client sent; ranges are checked where they matter.
 *
 * @throws FacefleetError `bad-request` when it has not even numbered its requests: it is no client of ours.
 */
export function parseRequests(frame: unknown): (Request | Refusal)[] {
  if (!Array.isArray(frame)) throw new FacefleetError('bad-request', 'a frame holds no array of requests');
  return frame.map(parseRequest);
}

function parseRequest(value: unknown): Request | Refusal {
  if (typeof value !== 'object' || value === null || !('id' in value) || !Number.isSafeInteger(value.id)) {
    throw new FacefleetError('bad-request', 'a request has no whole number as id');
  }
  const id = value.id as number;
  const op = 'op' in value ? value.op : undefined;
  if (typeof op !== 'string' || !Object.hasOwn(FIELDS, op)) {
    return { id, refusal: `${JSON.stringify(op)} is no operation` };
  }
  const given = value as Readonly<Record<string, unknown>>;
  const wrong = Object.entries(FIELDS[op as OperationName]).find(
    ([field, type]) => !hasType(given[field], type),
  );
  return wrong === undefined ? (value as Request) : { id, refusal: `${op}: ${wrong[0]} is no ${wrong[1]}` };
}

function hasType(value: unknown, type: FieldType): boolean {
  if (type === 'strings') {
    return (
      Array.isArray(value) && value.length <= MAX_BATCH && value.every((item) => typeof item === 'string')
    );
  }
  if (type === 'integer') return Number.isSafeInteger(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

/** The error of a reply as the caller of the port expects it. */
export function errorFromReply(
  { code, message }: { readonly code: ErrorCode; readonly message: string },
  context: Readonly<Record<string, string>>,
): FacefleetError {
  if (code === 'not-found') return new NotFoundError(message, { context });
  if (code === 'unavailable') return new UnavailableError(message, { context });
  if (code === 'throttled') return new ThrottledError(message, { context });
  return new FacefleetError(code, message, { context });
}
