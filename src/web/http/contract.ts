import type { Request, Response } from 'express';
import type { Static, TObject, TSchema } from 'typebox';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What a caller has to be allowed: nothing (`public`, no key asked for), anything (`any`), to ask about pictures, to change people, or everything. */
export type Scope = 'public' | 'any' | 'recognise' | 'enrol' | 'admin';

/** One of the answers that an operation gives when all went well. */
export interface AnswerContract {
  readonly description: string;
  /** Of a JSON body. An answer with neither this nor `content` has no body. */
  readonly schema?: TSchema;
  /** Bodies of other media types. */
  readonly content?: Readonly<Record<string, TSchema>>;
  /** Name to description. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface BodyContract {
  /** Read and checked before the handler runs; 64 KB at most. */
  readonly json?: TSchema;
  /** Media types that the handler reads by itself, as a stream. */
  readonly upload?: Readonly<Record<string, TSchema>>;
}

/** What an operation takes and gives: requests are checked by it, and `/openapi.json` is made from it. */
export interface Contract {
  readonly method: Method;
  /** As OpenAPI writes it: `/v1/people/{personId}`. */
  readonly path: string;
  /** `operationId`: a verb and what it is done to, unique. */
  readonly id: string;
  readonly tag: string;
  readonly scope: Scope;
  /** One line without a full stop. */
  readonly summary: string;
  /** Further sentences. */
  readonly description?: string;
  readonly params?: TObject;
  /** Under `/v1` other names than these are refused. Single values, or arrays for names that may be repeated. */
  readonly query?: TObject;
  /** Headers that the operation looks at, for the documentation; the handler reads them. */
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: TSchema }>>;
  readonly body?: BodyContract;
  readonly answers: Readonly<Record<number, AnswerContract>>;
  /** Statuses of errors beyond those that any operation may answer with (400, 401, 403, 500, 503). */
  readonly problems?: readonly number[];
}

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

type Parsed<S> = S extends TSchema ? Frozen<Static<S>> : Readonly<Record<string, never>>;
type ParsedBody<B> = B extends { readonly json: infer S extends TSchema }
  ? B extends { readonly upload: object }
    ? Frozen<Static<S>> | undefined
    : Frozen<Static<S>>
  : undefined;

type Get<C, K extends string> = C extends { readonly [P in K]: infer V } ? V : undefined;

/** A request that kept to its contract. */
export interface Call<C extends Contract> {
  readonly params: Parsed<Get<C, 'params'>>;
  readonly query: Parsed<Get<C, 'query'>>;
  /** Undefined where an upload came instead. */
  readonly body: ParsedBody<Get<C, 'body'>>;
  readonly request: Request;
  readonly response: Response;
}

type BodyOf<A> = A extends { readonly schema: infer S extends TSchema }
  ? { readonly body: Frozen<Static<S>> }
  : A extends { readonly content: object }
    ? { readonly body: string | Uint8Array; readonly contentType: string }
    : { readonly body?: never };

/** One of the contract's answers; undefined when the handler has written the response itself. */
export type Answer<C extends Contract> =
  | {
      [S in keyof C['answers'] & number]: {
        readonly status: S;
        readonly headers?: Readonly<Record<string, string>>;
      } & BodyOf<C['answers'][S]>;
    }[keyof C['answers'] & number]
  | undefined;

export interface Route {
  readonly contract: Contract;
  readonly handle: (call: Call<Contract>) => Promise<PlainAnswer | undefined>;
}

/** An answer of whatever contract. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
}

/**
 * An operation of the HTTP interface: what it takes and gives, and what it does. The types of `handle` follow from the
 * contract, so an answer that the contract doesn't name, or with another body, doesn't compile.
 *
 * Throw an HttpProblem for what can't be done, and name its status in `problems`.
 */
export function route<const C extends Contract, const A extends Answer<C>>(
  contract: C,
  handle: (call: Call<C>) => A | Promise<A>,
): Route {
  return {
    contract,
    handle: async (call) => (await handle(call as unknown as Call<C>)) as PlainAnswer | undefined,
  };
}
