import type { Fleet } from '../../web/fleet/fleet-view.ts';
import { ago, clockTime } from '../kit/format.ts';
import { Icon } from '../kit/icons.tsx';
import { Empty } from '../kit/states.tsx';

/** Why there were as many instances as there were. `now`: of the newest sample. */
export function Decisions({ decisions, now }: { decisions: Fleet['decisions']; now: number }) {
  return (
    <section class="panel" aria-labelledby="decisions-title">
      <h2 id="decisions-title">Scaling decisions</h2>
      {decisions.length === 0 ? (
        <Empty icon="fleet" title="Nothing has been decided yet">
          <p>Every time the fleet grows or shrinks, the reason is written down here.</p>
        </Empty>
      ) : (
        <ol class="decisions">
          {decisions.map(({ at, desired, reason, actions }, index) => {
            const before = decisions[index + 1]?.desired ?? 0;
            return (
              <li
                key={`${at} ${reason}`}
                class={desired > before ? 'grows' : desired < before ? 'shrinks' : ''}
              >
                <span class="direction">
                  <Icon name={desired > before ? 'up' : desired < before ? 'down' : 'again'} />
                </span>
                <div>
                  <p>
                    <strong>
                      {before} → {desired}
                    </strong>{' '}
                    {reason}
                  </p>
                  <p class="hint">
                    <time dateTime={new Date(at).toISOString()} title={clockTime(at)}>
                      {ago(at, now)}
                    </time>
                    {actions.length > 0 && ` · ${actions.join(', ')}`}
                  </p>
                </div>
              </li>
            );
          })}
        </ol>
      )}
    </section>
  );
}
