import type { Fleet, FleetInstance } from '../../web/fleet/fleet-view.ts';
import { ago, bytes, count } from '../kit/format.ts';

/** More places than these are not drawn when they are empty. */
const MOST_EMPTY = 24;

/** Every place of the fleet, with what its instance does. `now`: of the newest sample, so that all changes at once. */
export function Slots({ fleet: { instances, maxWorkers }, now }: { fleet: Fleet; now: number }) {
  const highest = Math.max(Math.min(maxWorkers, MOST_EMPTY), ...instances.map(({ slot }) => slot));
  const places = Array.from({ length: highest }, (_, index) => index + 1);
  return (
    <section class="panel" aria-labelledby="slots-title">
      <h2 id="slots-title">Instances</h2>
      <ul class="slots">
        {places.map((slot) => (
          <Place key={slot} slot={slot} instance={instances.find((one) => one.slot === slot)} now={now} />
        ))}
      </ul>
      {instances.length === 0 && (
        <p class="hint">
          None is needed now, so none runs. The next picture starts one, within about a second.
        </p>
      )}
    </section>
  );
}

function Place({ slot, instance, now }: { slot: number; instance: FleetInstance | undefined; now: number }) {
  if (instance === undefined) {
    return (
      <li class="slot none">
        <span class="slot-number">{slot}</span>
        <strong>empty</strong>
      </li>
    );
  }
  const { state, since, done, residentBytes } = instance;
  return (
    <li class={`slot ${state}`}>
      <span class="slot-number">{slot}</span>
      <strong>{state}</strong>
      <span class="hint">{done === undefined ? ago(since, now) : count(done, 'job')}</span>
      {residentBytes !== undefined && <span class="hint">{bytes(residentBytes)}</span>}
    </li>
  );
}
