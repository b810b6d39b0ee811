import type { Clock } from '../../../src/ports/clock.ts';
import { type Ec2Error, requestLimitExceeded } from './ec2-error.ts';

/** `before`: the call does nothing; `after`: it is carried out and only its answer is lost. */
export type FaultMoment = 'before' | 'after';

export interface Fault {
  /** What the caller is answered; without one the connection breaks. */
  readonly error?: Ec2Error;
  readonly moment?: FaultMoment;
  /** How many calls it hits (default 1). */
  readonly times?: number;
}

interface Armed extends Fault {
  readonly action: string;
  left: number;
}

interface Bucket {
  readonly size: number;
  readonly perSecond: number;
  tokens: number;
  at: number;
}

/** What goes wrong next, and how many calls EC2 puts up with. */
export class Faults {
  readonly #clock: Clock;
  readonly #armed: Armed[] = [];
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The next calls of this action fail, in the order of arming. */
  failNext(action: string, fault: Fault = {}): void {
    this.#armed.push({ ...fault, action, left: fault.times ?? 1 });
  }

  /** From now on a bucket of so many calls of this action that refills: as EC2 throttles. */
  throttle(action: string, { burst, perSecond }: { burst: number; perSecond: number }): void {
    this.#buckets.set(action, { size: burst, perSecond, tokens: burst, at: this.#clock.monotonic() });
  }

  unthrottle(action: string): void {
    this.#buckets.delete(action);
  }

  next(action: string): Fault | undefined {
    const armed = this.#armed.find((one) => one.action === action && one.left > 0);
    if (armed !== undefined) {
      armed.left--;
      return armed;
    }
    return this.#isOverLimit(action) ? { error: requestLimitExceeded() } : undefined;
  }

  #isOverLimit(action: string): boolean {
    const bucket = this.#buckets.get(action);
    if (bucket === undefined) return false;
    const at = this.#clock.monotonic();
    bucket.tokens = Math.min(bucket.size, bucket.tokens + ((at - bucket.at) / 1000) * bucket.perSecond);
    bucket.at = at;
    if (bucket.tokens < 1) return true;
    bucket.tokens--;
    return false;
  }
}
