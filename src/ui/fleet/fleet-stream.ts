import { useEffect, useState } from 'preact/hooks';

import type { Fleet, FleetSample } from '../../web/fleet/fleet-view.ts';
import { followEvents, type StreamState } from '../event-stream.ts';

/** Five minutes. */
const SAMPLES_KEPT = 300;

export interface WatchedFleet {
  readonly state: StreamState;
  readonly fleet: Fleet | undefined;
  /** Oldest first. */
  readonly samples: readonly FleetSample[];
}

/** The fleet as it changes, for as long as the view is shown. */
export function useFleet(): WatchedFleet {
  const [watched, setWatched] = useState<WatchedFleet>({
    state: 'connecting',
    fleet: undefined,
    samples: [],
  });
  useEffect(() => {
    const gone = new AbortController();
    const onEvent = ({ type, data }: { type: string; data: string }) => {
      const told = JSON.parse(data);
      setWatched((before) => ({ ...before, ...changeOf(type, told, before) }));
    };
    const onState = (state: StreamState) => setWatched((before) => ({ ...before, state }));
    void followEvents('/v1/fleet/events', { onEvent, onState }, gone.signal);
    return () => gone.abort();
  }, []);
  return watched;
}

function changeOf(type: string, told: unknown, { samples }: WatchedFleet): Partial<WatchedFleet> {
  switch (type) {
    case 'history': {
      const past = (told as { samples: readonly FleetSample[] }).samples;
      // A service that was started anew, or was not watched for a while, remembers little; what was seen here stays.
      const since = past[0]?.at ?? Number.POSITIVE_INFINITY;
      return { samples: [...samples.filter(({ at }) => at < since), ...past].slice(-SAMPLES_KEPT) };
    }
    case 'fleet':
      return { fleet: told as Fleet };
    case 'sample':
      return { samples: [...samples, told as FleetSample].slice(-SAMPLES_KEPT) };
    default:
      return {};
  }
}
