import type { Heartbeat, HeartbeatReply } from '../heartbeat.ts';
import type { Tenant } from './cloud.ts';
import type { Plant } from './plant.ts';

export interface WorkerOptions {
  readonly tenant: Tenant;
  readonly plant: Plant;
  readonly beatSeconds: number;
  /** The poll that is under way when it is told to drain returns so much later at most. */
  readonly pollSeconds: number;
  readonly random: () => number;
  readonly concurrency: number;
  readonly serviceSeconds: number;
  /** Undefined: nobody answers. */
  readonly send: (beat: Heartbeat) => HeartbeatReply['order'] | undefined;
}

/** The worker on a simulated machine as the controller knows it: it tells how it is, and drains when told to. */
export class SimulatedWorker {
  readonly #options: WorkerOptions;
  readonly #upAt: number;
  #isToldToDrain = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#upAt = options.tenant.machine.upAt;
  }

  /** The machine has come up. */
  begin(): void {
    this.#beatFromNowOn();
  }

  /** It holds nothing any more. */
  hasDrained(): void {
    this.#tell('drained');
  }

  get #isGone(): boolean {
    const { state, upAt } = this.#options.tenant.machine;
    return state === 'gone' || state === 'stopped' || upAt !== this.#upAt;
  }

  #beatFromNowOn(): void {
    if (this.#isGone) return;
    const { machine } = this.#options.tenant;
    const isDrained = machine.state === 'draining' && machine.inHand.length === 0;
    const order = this.#tell(isDrained ? 'drained' : this.#isToldToDrain ? 'draining' : 'running');
    if (order === 'drain' && !this.#isToldToDrain) this.#drain();
    this.#options.plant.events.after(this.#options.beatSeconds, () => this.#beatFromNowOn());
  }

  #drain(): void {
    const { plant, tenant, pollSeconds, random } = this.#options;
    this.#isToldToDrain = true;
    this.#tell('draining');
    // A busy one polls for nothing; an idle one waits for its poll.
    const pollLeft = tenant.machine.inHand.length > 0 ? 0 : pollSeconds * random();
    plant.events.after(pollLeft, () => plant.drain(tenant.machine));
  }

  #tell(state: Heartbeat['state']): HeartbeatReply['order'] | undefined {
    const { tenant, plant, concurrency, serviceSeconds, send } = this.#options;
    const { id, request, machine } = tenant;
    return send({
      instanceId: id,
      slot: request.slot,
      generation: request.generation,
      pid: 1,
      state,
      busy: machine.inHand.length,
      done: machine.done,
      serviceSeconds: machine.done === 0 ? 0 : serviceSeconds,
      concurrency,
      galleryVersion: 0,
      residentBytes: 0,
      uptimeSeconds: plant.now - this.#upAt,
    });
  }
}
