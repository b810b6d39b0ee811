import type { DoneResult, JobTimings } from '../../jobs/job.ts';
import { duration } from '../kit/format.ts';

const STAGES: readonly (readonly [key: keyof JobTimings, label: string])[] = [
  ['queueMs', 'waiting'],
  ['fetchMs', 'fetch'],
  ['decodeMs', 'decode'],
  ['detectMs', 'detect'],
  ['embedMs', 'embed'],
  ['matchMs', 'match'],
];

/** Where the time went, as a bar and as a list. */
export function Stages({ result, tookMs }: { result: DoneResult; tookMs: number }) {
  const { timings } = result;
  const stages = STAGES.map(([key, label]) => ({ key, label, ms: timings[key] ?? 0 }));
  const total = stages.reduce((sum, { ms }) => sum + ms, 0);
  return (
    <section class="stages" aria-label="Timings">
      <div class="stage-bar" aria-hidden="true">
        {stages.map(({ key, ms }) => (
          <span key={key} class={`stage ${key}`} style={{ flexGrow: total === 0 ? 0 : ms / total }} />
        ))}
      </div>
      <dl>
        {stages.map(({ key, label, ms }) => (
          <div key={key}>
            <dt>
              <span class={`dot ${key}`} aria-hidden="true" />
              {label}
            </dt>
            <dd>{duration(ms)}</dd>
          </div>
        ))}
        <div class="whole">
          <dt>from here and back</dt>
          <dd>{duration(tookMs)}</dd>
        </div>
      </dl>
      <p class="hint">
        Model pack {result.packId} · gallery version {result.galleryVersion} · worker {result.instanceId}
      </p>
    </section>
  );
}
