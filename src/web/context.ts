import type { KeyRing } from '../access/key-ring.ts';
import type { ApiKeyStore } from '../access/key-store.ts';
import type { Config } from '../config.ts';
import type { Deployment } from '../deployment.ts';
import type { JobClient } from '../jobs/job-client.ts';
import type { Buckets } from '../jobs/stores.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { TraceContext } from '../telemetry/trace-context.ts';
import type { Admission } from './admission.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { AnswerBook } from './fleet/answer-book.ts';
import type { WebGalleries } from './galleries.ts';
import type { Readiness } from './readiness.ts';

/** For how long a client is kept waiting for its answer. */
export interface WaitLimits {
  /** `POST /`: then 504. Load balancers and the course's clients wait 300 s. */
  readonly plainSeconds: number;
  /** Under `/v1`: then 202. Below the 60 s at which most proxies give up. */
  readonly versionedSeconds: number;
}

export const DEFAULT_WAITS: WaitLimits = { plainSeconds: 290, versionedSeconds: 55 };

/** What the routes work with. */
export interface WebContext {
  readonly config: Config;
  readonly deployment: Deployment;
  readonly client: JobClient;
  readonly keys: { readonly store: ApiKeyStore; readonly ring: KeyRing };
  readonly admission: Admission;
  readonly budget: ByteBudget;
  readonly readiness: Readiness;
  /** What this process has answered lately. */
  readonly answers: AnswerBook;
  readonly galleries: WebGalleries;
  /** Pictures, results, gallery. */
  readonly buckets: Buckets;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly waits: WaitLimits;
  /** Aborts when the process can wait no longer: whoever waits is told where to find the result. */
  readonly stopWaiting: AbortSignal;
  /** Aborts as soon as nobody new is let in: answers that would never end by themselves end now. */
  readonly closing: AbortSignal;
}

/** What the middlewares noted about a request, in `response.locals`. */
export interface RequestFacts {
  /** A key's fingerprint, or `anonymous`. */
  readonly caller: string;
  readonly traceId: string;
  /** The request's own span, which what it causes is a part of. */
  readonly trace: TraceContext;
}
