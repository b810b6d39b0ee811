import { errorCode, errorMessage, FacefleetError } from '../../../errors.ts';
import type { Logger } from '../../../logger.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Machine, MachineIdentity, ReclaimNotice } from '../../../ports/machine.ts';
import type { MetadataClient } from './metadata-client.ts';

export interface Ec2MachineOptions {
  readonly metadata: MetadataClient;
  /** Who the worker is when this is no EC2 instance. */
  readonly elsewhere: MachineIdentity;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** EC2 says that it may take five seconds until a notice is seen, of a hundred and twenty. */
const LOOK_EVERY_MS = 5000;
const ATTEMPTS = 3;
const PAUSE_MS = 500;
const SLOT_TAG = 'tags/instance/facefleet:slot';
const GENERATION_TAG = 'tags/instance/facefleet:generation';

/** An EC2 instance, which knows its id and tags, and what EC2 is about to do with it. */
export class Ec2Machine implements Machine {
  readonly #options: Ec2MachineOptions;
  #isOnEc2 = false;

  constructor(options: Ec2MachineOptions) {
    this.#options = options;
  }

  async identity(): Promise<MachineIdentity> {
    const { metadata, logger, elsewhere } = this.#options;
    const id = await this.#getPatiently('instance-id');
    if (id === undefined) {
      logger.warn('no instance metadata service answers: taken for a worker off EC2, started by hand');
      return elsewhere;
    }
    this.#isOnEc2 = true;
    const [slot, generation] = await Promise.all([metadata.get(SLOT_TAG), metadata.get(GENERATION_TAG)]);
    if (slot === undefined || generation === undefined) {
      logger.warn(
        { instanceId: id },
        'no fleet tags in the instance metadata: started by hand, or the launch template does not enable InstanceMetadataTags',
      );
      return { id, slot: 0, generation: 0 };
    }
    return {
      id,
      slot: placeOf('facefleet:slot', slot),
      generation: placeOf('facefleet:generation', generation),
    };
  }

  privateAddress(): Promise<string | undefined> {
    return this.#getPatiently('local-ipv4');
  }

  /** Of a spot instance the two that EC2 gives; others are left alone. Asked for after the identity. */
  async *notices(signal: AbortSignal): AsyncGenerator<ReclaimNotice> {
    const { clock, logger } = this.#options;
    if (!this.#isOnEc2) return;
    const given = new Set<string>();
    let isFailing = false;
    while (!signal.aborted) {
      try {
        for (const notice of await this.#look()) {
          const isNew = !given.has(notice.kind);
          given.add(notice.kind);
          if (isNew) yield notice;
        }
        isFailing = false;
      } catch (error) {
        if (!isFailing) logger.warn({ error: errorMessage(error) }, 'cannot look for spot notices');
        isFailing = true;
      }
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  /** Undefined when nobody answers, several times: a machine of the fleet must not forget who it is for one lost packet. */
  async #getPatiently(path: string): Promise<string | undefined> {
    const { metadata, clock } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await metadata.get(path);
      } catch (error) {
        if (errorCode(error) !== 'unavailable') throw error;
        if (attempt >= ATTEMPTS) return undefined;
        await clock.sleep(PAUSE_MS);
      }
    }
  }

  async #look(): Promise<ReclaimNotice[]> {
    const { metadata } = this.#options;
    const [action, rebalance] = await Promise.all([
      metadata.get('spot/instance-action'),
      metadata.get('events/recommendations/rebalance'),
    ]);
    const notices: ReclaimNotice[] = [];
    if (action !== undefined) notices.push({ kind: 'interruption', ...timeOf(action) });
    if (rebalance !== undefined) notices.push({ kind: 'rebalance' });
    return notices;
  }
}

function placeOf(tag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new FacefleetError(
    'config-invalid',
    `the tag ${tag} is ${JSON.stringify(text)}, expected a whole number`,
  );
}

/** `{"action": "terminate", "time": "2017-09-18T08:22:00Z"}`; a notice without a time is one all the same. */
function timeOf(action: string): { at?: Date } {
  let time: unknown;
  try {
    time = (JSON.parse(action) as { time?: unknown } | null)?.time;
  } catch {
    return {};
  }
  const at = new Date(String(time));
  return Number.isNaN(at.getTime()) ? {} : { at };
}
