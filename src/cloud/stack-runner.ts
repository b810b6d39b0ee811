import { FacefleetError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Stack, StackEvent, Stacks } from './account.ts';

const LOOK_MS = 3000;
/** Web instances say within fifteen minutes that they serve; everything else is faster. */
const PATIENCE_MS = 40 * 60_000;

export interface Watching {
  readonly stacks: Stacks;
  readonly clock: Clock;
  /** Called with each event of the stack, once, in order. */
  readonly onEvent: (event: StackEvent) => void;
  readonly signal: AbortSignal;
}

export const isInProgress = ({ status }: Pick<Stack, 'status'>): boolean => status.endsWith('_IN_PROGRESS');

/** A creation that failed leaves a stack that can only be deleted. */
export const isStillborn = ({ status }: Pick<Stack, 'status'>): boolean =>
  ['ROLLBACK_COMPLETE', 'ROLLBACK_FAILED', 'CREATE_FAILED', 'REVIEW_IN_PROGRESS', 'DELETE_FAILED'].includes(
    status,
  );

/**
 * Waits until what was begun on the stack is over, and tells what happens meanwhile.
 *
 * @throws FacefleetError `conflict` when it failed and was rolled back, with what failed first and why; `timeout`.
 */
export async function untilSettled(stackId: string, watching: Watching): Promise<Stack | undefined> {
  const { stacks, clock, signal } = watching;
  const startedAt = clock.now();
  const teller = new EventTeller(stackId, watching, startedAt);
  const deadline = clock.monotonic() + PATIENCE_MS;
  for (;;) {
    const stack = await stacks.describe(stackId);
    await teller.tell();
    if (stack === undefined || stack.status === 'DELETE_COMPLETE') return undefined;
    if (!isInProgress(stack)) {
      if (hasFailed(stack)) throw failure(stack, teller.failures);
      return stack;
    }
    if (clock.monotonic() > deadline) {
      throw new FacefleetError(
        'timeout',
        `the stack ${stack.name} is ${stack.status} after 40 minutes; it goes on by itself`,
      );
    }
    await clock.sleep(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

class EventTeller {
  readonly failures: StackEvent[] = [];
  readonly #stackId: string;
  readonly #watching: Watching;
  readonly #seen = new Set<string>();
  readonly #since: number;

  constructor(stackId: string, watching: Watching, since: number) {
    this.#stackId = stackId;
    this.#watching = watching;
    // What was begun just before is ours too, whichever clock it was written by.
    this.#since = since - 15_000;
  }

  async tell(): Promise<void> {
    const { stacks, onEvent } = this.#watching;
    for (const event of await stacks.events(this.#stackId)) {
      if (this.#seen.has(event.id) || event.at.getTime() < this.#since) continue;
      this.#seen.add(event.id);
      // "Cancelled" is what happened to the others because one failed.
      if (event.status.endsWith('_FAILED') && !/cancell?ed/i.test(event.reason ?? ''))
        this.failures.push(event);
      onEvent(event);
    }
  }
}

function hasFailed({ status }: Stack): boolean {
  return status.includes('ROLLBACK') || status.endsWith('_FAILED');
}

function failure(stack: Stack, failures: readonly StackEvent[]): FacefleetError {
  const said = failures.map(
    ({ resource, type, reason }) => `  - ${resource} (${type}): ${reason ?? 'no reason given'}`,
  );
  const causes =
    said.length > 0 ? `:\n${[...new Set(said)].join('\n')}` : `: ${stack.statusReason ?? 'no reason given'}`;
  return new FacefleetError(
    'conflict',
    `the stack ${stack.name} could not be changed and is ${stack.status}${causes}${adviceFor(failures)}`,
  );
}

/** The next step for what people run into. */
function adviceFor(failures: readonly StackEvent[]): string {
  const reasons = failures.map(({ reason }) => reason ?? '').join('\n');
  const advice = ADVICE.find(([pattern]) => pattern.test(reasons))?.[1];
  return advice === undefined ? '' : `\n${advice}`;
}

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /already exists|BucketAlreadyExists|BucketAlreadyOwnedByYou/i,
    'A name is taken. Bucket names are unique in all of AWS: choose another --prefix (FACEFLEET_PREFIX).',
  ],
  [
    /deleted recently|QueueDeletedRecently/i,
    'SQS gives the name of a deleted queue away again after 60 seconds: wait a minute and repeat.',
  ],
  [
    /not authorized|AccessDenied|UnauthorizedOperation/i,
    'Your own identity lacks a permission that creating this takes; the reason names it. docs/aws.md lists them.',
  ],
  [
    /limit|quota|maximum number/i,
    'A quota of the account is reached: the reason names it; ask for more in the console under Service Quotas.',
  ],
  [
    /not supported in your requested Availability Zone|Unsupported|instance type/i,
    'The zone or region does not offer this instance type: choose others with --instance-types or --set WebInstanceType=….',
  ],
  [
    /signal|CreationPolicy/i,
    'The web instance did not say that it serves: its log is in CloudWatch or, with --set SessionManager=true, at journalctl on it.',
  ],
];
