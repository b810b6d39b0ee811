import type { Static } from 'typebox';
import { Type } from 'typebox';

const Milliseconds = Type.Integer({ description: 'Milliseconds since the epoch' });
const Count = (description: string) => Type.Integer({ minimum: 0, description });
const CountOrNull = (description: string) =>
  Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], { description });

export const InstanceStateSchema = Type.Union([
  Type.Literal('starting'),
  Type.Literal('idle'),
  Type.Literal('busy'),
  Type.Literal('draining'),
  Type.Literal('ending'),
]);

export const FleetInstanceSchema = Type.Object(
  {
    slot: Type.Integer({ description: 'The numbered place in the fleet' }),
    generation: Type.Integer({ description: 'How many instances this place has had' }),
    instanceId: Type.Optional(Type.String()),
    state: InstanceStateSchema,
    since: Milliseconds,
    done: Type.Optional(Count('Jobs that it has finished, as it last said')),
    residentBytes: Type.Optional(Count('Memory, as it last said')),
  },
  { title: 'FleetInstance' },
);

export const ScalingDecisionSchema = Type.Object(
  {
    at: Milliseconds,
    desired: Count('How many instances there should be'),
    reason: Type.String(),
    actions: Type.Array(Type.String(), { description: '`launch 1`, `drain 3` …' }),
  },
  { title: 'ScalingDecision' },
);

/** What the fleet is and what was decided about it: told when it changes. */
export const FleetSchema = Type.Object(
  {
    hasController: Type.Boolean({ description: 'Whether a controller leads; without one nothing scales' }),
    desired: Count('How many instances there should be'),
    minWorkers: Count('The fewest there may be'),
    maxWorkers: Count('The most there may be'),
    pausedAt: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Since when an operator has had scaling paused',
    }),
    brakes: Type.Array(Type.Object({ since: Milliseconds, reason: Type.String() }), {
      description: 'What holds launches back now',
    }),
    instances: Type.Array(FleetInstanceSchema),
    decisions: Type.Array(ScalingDecisionSchema, { description: 'Newest first' }),
  },
  { title: 'Fleet' },
);

/** The figures of one moment. */
export const FleetSampleSchema = Type.Object(
  {
    at: Milliseconds,
    waiting: CountOrNull('Jobs that wait; null when the queue did not tell'),
    inFlight: CountOrNull('Jobs in the hands of workers'),
    oldestAgeSeconds: Type.Union([Type.Number(), Type.Null()], {
      description: 'Age of the oldest that waits',
    }),
    deadLetters: CountOrNull('Jobs that were given up'),
    desired: Count('How many instances there should be'),
    instances: Type.Object({
      starting: Count('launched, not ready'),
      idle: Count('ready'),
      busy: Count('at work'),
      draining: Count('told to finish'),
      ending: Count('to be gone soon'),
    }),
    jobsPerSecond: Type.Union([Type.Number(), Type.Null()], {
      description: 'Finished by all workers, over the last four seconds; null without a controller',
    }),
    answersPerSecond: Type.Number({ description: 'By this web process, over the last three seconds' }),
    latencyMs: Type.Union([Type.Object({ p50: Type.Number(), p95: Type.Number() }), Type.Null()], {
      description: 'From submission to answer, by this web process, over the last ten seconds',
    }),
  },
  { title: 'FleetSample' },
);

export type Fleet = Static<typeof FleetSchema>;
export type FleetInstance = Static<typeof FleetInstanceSchema>;
export type FleetSample = Static<typeof FleetSampleSchema>;
export type InstanceState = Static<typeof InstanceStateSchema>;

/** One look at everything. */
export interface FleetView {
  readonly fleet: Fleet;
  readonly sample: FleetSample;
}
