import { type Static, Type } from 'typebox';

export const WorkloadStatusSchema = Type.Object(
  {
    state: Type.Union(
      [Type.Literal('none'), Type.Literal('running'), Type.Literal('finished'), Type.Literal('stopped')],
      { description: '`none`: there was none since this process started' },
    ),
    requests: Type.Integer({ description: 'How many pictures it is to send' }),
    ratePerSecond: Type.Number(),
    answered: Type.Integer({ description: 'Requests that are over, well or not' }),
    failed: Type.Integer(),
    startedAt: Type.Optional(Type.Integer({ description: 'Milliseconds since the epoch' })),
    endedAt: Type.Optional(Type.Integer({ description: 'Milliseconds since the epoch' })),
    perSecond: Type.Optional(Type.Number({ description: 'Answers per second over the whole run' })),
    latencyMs: Type.Optional(Type.Object({ p50: Type.Number(), p99: Type.Number(), max: Type.Number() })),
    failures: Type.Optional(Type.Record(Type.String(), Type.Integer(), { description: 'By reason' })),
  },
  { title: 'Workload' },
);

export type WorkloadStatus = Static<typeof WorkloadStatusSchema>;
