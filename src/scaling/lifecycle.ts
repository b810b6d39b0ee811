import type { Instance } from '../ports/fleet.ts';
import type { SlotRecord } from './fleet-state.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { ScalingTimings } from './timings.ts';

/** What is known of a slot's instance at the moment. Durations are this leader's own and begin with its leadership. */
export interface SlotFacts {
  /** Milliseconds since the epoch, for the record. */
  readonly now: number;
  /** From the fleet's list; `unknown` when there is none, or the instance may be too young to be on it. */
  readonly listing: Instance | 'absent' | 'unknown';
  /** The last heartbeat of this very run of the instance. */
  readonly beat: Heartbeat | undefined;
  /** From when this leader first knew it to run until the list was asked for: a list knows nothing younger. */
  readonly knownMs: number;
  /** Since its last heartbeat, its launch, or the start of this leadership: whichever was last. */
  readonly silentMs: number;
  /** Since this leader first saw it drain. */
  readonly drainingMs: number;
  /** Since this leader first saw that its drain takes too long. */
  readonly overdueMs: number;
  /** The warm pool has room: once it has drained it is to be stopped, not terminated. */
  readonly isForPool: boolean;
}

/** What became of a slot, if it is worth telling. */
export interface SlotEvent {
  /**
   * `draining`: by its own decision. `overdue`: it is to give its messages back. `leaving`: it is to be terminated, or
   * stopped for the warm pool. `crashed`: it ended, or has to be ended, before it was ready. `killed`: others ended it
   * before it was ready. `stopped`: it is in the warm pool. `started`: out of it, by others.
   */
  readonly kind:
    | 'ready'
    | 'draining'
    | 'overdue'
    | 'leaving'
    | 'ended'
    | 'crashed'
    | 'killed'
    | 'stopped'
    | 'started';
  readonly reason: string;
}

export interface SlotProgress {
  readonly record: SlotRecord;
  readonly event?: SlotEvent;
}

/**
 * The life of an instance as far as it is observed; what the controller itself wants of it is `order`ed elsewhere.
 *
 * Only three things make the controller end an instance, and none of them takes work away: it has said that it is
 * drained; it has been silent for so long that its messages are others' already; its drain has passed the deadline,
 * and it has been told to give its messages back.
 */
export function advance(record: SlotRecord, facts: SlotFacts, timings: ScalingTimings): SlotProgress {
  if (record.phase === 'empty') return { record };
  const seen = learnInstance(record, facts);
  const end = endOf(seen, facts);
  if (end !== undefined) return ended(seen, facts, end);
  if (seen.phase === 'launching' || seen.phase === 'starting') return { record: seen };
  if (seen.phase === 'ending')
    return isHeardAgain(seen, facts, timings) ? spared(seen, facts) : { record: seen };
  if (seen.phase === 'stopping' || seen.phase === 'stopped') return inPool(seen, facts);
  const leave = reasonToEnd(seen, facts, timings);
  if (leave !== undefined) return leaving(seen, facts, leave);
  if (seen.phase === 'running' && seen.mustDrain === true) {
    return drains(seen, facts, 'an operator wants it drained');
  }
  if (seen.phase === 'running' && facts.beat?.state === 'draining') return drains(seen, facts, 'it said so');
  if (isStuckInBoot(seen, facts, timings)) {
    const reason = `not ready after ${timings.bootDeadlineMs / 1000} s`;
    const { record: draining } = drains(
      { ...seen, failures: seen.failures + 1, mustDrain: true },
      facts,
      reason,
    );
    return { record: draining, event: { kind: 'crashed', reason } };
  }
  if (seen.phase === 'draining' && seen.isOverdue !== true && facts.drainingMs > timings.drainDeadlineMs) {
    const reason = `its drain took longer than ${timings.drainDeadlineMs / 1000} s`;
    return { record: { ...seen, isOverdue: true }, event: { kind: 'overdue', reason } };
  }
  if (!seen.wasReady && facts.beat?.state === 'running') {
    return {
      record: { ...seen, wasReady: true, failures: 0 },
      event: { kind: 'ready', reason: 'it said so' },
    };
  }
  return { record: seen };
}

/** The slot with no instance in it. */
export function emptied(record: SlotRecord, now: number, reason: string, failures: number): SlotRecord {
  const { slot, generation } = record;
  return {
    slot,
    generation,
    phase: 'empty',
    since: now,
    wasReady: false,
    failures,
    lastEnd: { at: now, reason, ...(record.instanceId !== undefined && { instanceId: record.instanceId }) },
  };
}

/** A listed or beating instance of the slot's generation is the outcome of its launch, and a beating one of its start. */
function learnInstance(record: SlotRecord, { listing, beat, now }: SlotFacts): SlotRecord {
  if (record.phase === 'starting' && beat !== undefined) return { ...record, phase: 'running', since: now };
  if (record.phase !== 'launching') return record;
  const instanceId = typeof listing === 'object' ? listing.id : beat?.instanceId;
  return instanceId === undefined ? record : { ...record, phase: 'running', since: now, instanceId };
}

function endOf(
  record: SlotRecord,
  { listing }: SlotFacts,
): Pick<Instance, 'endedBy' | 'stateReason'> | undefined {
  // A launch whose outcome is unknown is repeated, not given up.
  if (record.phase === 'launching' || listing === 'unknown') return undefined;
  if (listing === 'absent') return { stateReason: 'the fleet does not know it any more' };
  return listing.state === 'terminated' ? listing : undefined;
}

function ended(
  record: SlotRecord,
  { now }: SlotFacts,
  { endedBy, stateReason = 'it ended' }: Pick<Instance, 'endedBy' | 'stateReason'>,
): SlotProgress {
  const isEarly = record.phase === 'running' && !record.wasReady;
  const kind = !isEarly ? 'ended' : endedBy === 'others' ? 'killed' : 'crashed';
  const failures = kind === 'crashed' ? record.failures + 1 : record.failures;
  // Why it was to be ended tells more than that it then did.
  const reason = (record.phase === 'ending' && record.lastEnd?.reason) || stateReason;
  return { record: emptied(record, now, reason, failures), event: { kind, reason } };
}

interface Verdict {
  readonly reason: string;
  /** It never became ready, and that is why. */
  readonly hasFailed: boolean;
  /** Nothing but its silence says so. */
  readonly isLost?: boolean;
}

function reasonToEnd(record: SlotRecord, facts: SlotFacts, timings: ScalingTimings): Verdict | undefined {
  if (facts.beat?.state === 'drained') return { reason: 'it has drained', hasFailed: false };
  const state = typeof facts.listing === 'object' ? facts.listing.state : undefined;
  // A list may still show one as stopped that has just been started.
  const isListingFresh = facts.knownMs > timings.listingLagMs;
  if (isListingFresh && (state === 'stopped' || state === 'stopping'))
    return { reason: `it is ${state}`, hasFailed: false };
  const patienceMs = timings.lossMs + (record.wasReady ? 0 : timings.bootMs);
  if (facts.silentMs > patienceMs) {
    const reason = `no heartbeat for ${Math.round(facts.silentMs / 1000)} s`;
    return { reason, hasFailed: record.phase === 'running' && !record.wasReady, isLost: true };
  }
  if (record.isOverdue === true && facts.overdueMs > timings.releaseMs) {
    return {
      reason: `it neither drained within ${timings.drainDeadlineMs / 1000} s nor gave its messages back`,
      hasFailed: false,
    };
  }
  return undefined;
}

function leaving(
  record: SlotRecord,
  facts: SlotFacts,
  { reason, hasFailed, isLost = false }: Verdict,
): SlotProgress {
  const { now } = facts;
  const failures = hasFailed ? record.failures + 1 : record.failures;
  const canStop = typeof facts.listing === 'object' && facts.listing.canStop !== false;
  const isDrained = facts.beat?.state === 'drained';
  const isKept = isDrained && canStop && facts.isForPool && record.wasReady && record.mustDrain !== true;
  const phase = isKept ? 'stopping' : 'ending';
  return {
    record: {
      ...record,
      phase,
      since: now,
      failures,
      lastEnd: { at: now, reason },
      ...(isLost && { isLost }),
    },
    event: { kind: hasFailed ? 'crashed' : 'leaving', reason },
  };
}

/** It was asked to end by somebody else, or wants to be replaced; or an order to run on came too late. */
function drains(record: SlotRecord, { now }: SlotFacts, reason: string): SlotProgress {
  return { record: { ...record, phase: 'draining', since: now }, event: { kind: 'draining', reason } };
}

/**
 * Whether one that was taken for lost may be ended by this leader: it has been silent before its eyes too, for as long as
 * that takes. Its predecessor may have heard of it since.
 */
export function isSilent(
  { isLost }: SlotRecord,
  { silentMs }: SlotFacts,
  { lossMs }: Pick<ScalingTimings, 'lossMs'>,
): boolean {
  return isLost !== true || silentMs > lossMs;
}

/** It was taken for lost, and was only out of reach: it may have work in hand. Unless it goes already. */
function isHeardAgain(record: SlotRecord, facts: SlotFacts, timings: ScalingTimings): boolean {
  const state = typeof facts.listing === 'object' ? facts.listing.state : undefined;
  const isGoing = state === 'stopping' || state === 'stopped';
  return facts.beat !== undefined && !isGoing && !isSilent(record, facts, timings);
}

function spared({ isLost: _, ...record }: SlotRecord, facts: SlotFacts): SlotProgress {
  return drains({ ...record, mustDrain: true }, facts, 'it is heard again');
}

/** It lives and says so, but nothing comes of it. */
function isStuckInBoot(
  { phase, wasReady }: SlotRecord,
  { beat, knownMs }: SlotFacts,
  { bootDeadlineMs }: ScalingTimings,
): boolean {
  return phase === 'running' && !wasReady && beat?.state === 'starting' && knownMs > bootDeadlineMs;
}

function inPool(record: SlotRecord, facts: SlotFacts): SlotProgress {
  const { now, listing } = facts;
  const state = typeof listing === 'object' ? listing.state : undefined;
  if (record.phase === 'stopping') {
    if (state !== 'stopped') return { record };
    const { isOverdue: _, reservedUntil: __, ...rest } = record;
    return {
      record: { ...rest, phase: 'stopped', since: now, wasReady: false },
      event: { kind: 'stopped', reason: 'kept for the next burst' },
    };
  }
  if (record.mustDrain === true || !facts.isForPool) {
    const reason = record.mustDrain === true ? 'an operator wants it gone' : 'the warm pool is full';
    return leaving(record, facts, { reason, hasFailed: false });
  }
  if (state === 'running' || state === 'pending') {
    return {
      record: { ...record, phase: 'running', since: now },
      event: { kind: 'started', reason: 'somebody else has started it' },
    };
  }
  return { record };
}
