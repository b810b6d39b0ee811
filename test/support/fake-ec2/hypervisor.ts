import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../src/ports/clock.ts';
import { instanceNotFound } from './ec2-error.ts';
import type { Boot, Guest } from './guest.ts';
import { FakeInstance, type LaunchSpecification, type StateReason, stateReason } from './instance.ts';
import { type MetadataServer, startMetadataServer } from './metadata-server.ts';
import type { Region } from './region.ts';

export interface HypervisorOptions {
  readonly clock: Clock;
  readonly region: Region;
  readonly boot: Boot;
  /** How long an instance is pending, and stopping or shutting down. */
  readonly pendingMs: number;
  readonly endingMs: number;
}

interface Running {
  readonly guest: Guest;
  readonly metadata: MetadataServer;
}

export const newId = (prefix: string) => `${prefix}-${randomBytes(9).toString('hex').slice(0, 17)}`;

/** Carries instances from state to state, each in its time, and starts and ends what runs on them. */
export class Hypervisor implements AsyncDisposable {
  readonly instances = new Map<string, FakeInstance>();
  readonly #options: HypervisorOptions;
  readonly #running = new Map<string, Running>();
  readonly #quit = new AbortController();
  readonly #pending = new Set<Promise<void>>();
  /** Counts the orders an instance was given: a newer one overrides the carrying out of an older. */
  readonly #orders = new Map<string, number>();

  constructor(options: HypervisorOptions) {
    this.#options = options;
  }

  launch(specification: LaunchSpecification, reservationId: string): FakeInstance {
    const count = this.instances.size + 10;
    const privateIp = `10.0.${Math.floor(count / 250)}.${count % 250}`;
    const { clock } = this.#options;
    const instance = new FakeInstance({ id: newId('i'), reservationId, privateIp }, specification, {
      at: clock.monotonic(),
      launchTime: new Date(clock.now()),
    });
    this.instances.set(instance.id, instance);
    this.#carryOut(instance, () => this.#bootInTime(instance));
    return instance;
  }

  start(instance: FakeInstance): void {
    if (instance.state !== 'stopped') return;
    this.#options.region.take(instance.specification.offering);
    this.#enter(instance, 'pending');
    this.#carryOut(instance, () => this.#bootInTime(instance));
  }

  stop(instance: FakeInstance, reason = 'Client.UserInitiatedShutdown'): void {
    if (instance.state !== 'running') return;
    this.#enter(instance, 'stopping', stateReason(reason));
    this.#carryOut(instance, () => this.#endInTime(instance, 'stopped', reason));
  }

  terminate(instance: FakeInstance, reason = 'Client.UserInitiatedShutdown'): void {
    if (instance.state === 'terminated' || instance.state === 'shutting-down') return;
    this.#enter(instance, 'shutting-down', stateReason(reason));
    this.#carryOut(instance, () => this.#endInTime(instance, 'terminated', reason));
  }

  /** The machine is gone from one moment to the next. */
  async destroy(id: string, reason = 'Server.InternalError'): Promise<void> {
    const instance = this.find(id);
    this.#carryOut(instance, async () => {});
    this.#enter(instance, 'terminated', stateReason(reason));
    await this.#end(instance);
  }

  /** Of a spot instance: the notice, and so many seconds later its end. */
  interrupt(id: string, noticeSeconds: number): void {
    const instance = this.find(id);
    const until = new Date(this.#options.clock.now() + noticeSeconds * 1000);
    this.#running.get(id)?.metadata.announceInterruption(until);
    void this.#later(noticeSeconds * 1000).then((isTime) => {
      if (isTime) this.terminate(instance, 'Server.SpotInstanceTermination');
    });
  }

  recommendRebalance(id: string): void {
    this.#running.get(id)?.metadata.recommendRebalance(new Date(this.#options.clock.now()));
  }

  /** @throws Ec2Error `InvalidInstanceID.NotFound` */
  find(id: string): FakeInstance {
    const instance = this.instances.get(id);
    if (instance === undefined) throw instanceNotFound([id]);
    return instance;
  }

  guestOf(id: string): Guest | undefined {
    return this.#running.get(id)?.guest;
  }

  metadataOf(id: string): MetadataServer | undefined {
    return this.#running.get(id)?.metadata;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#quit.abort();
    await Promise.all(this.#pending);
    await Promise.all([...this.instances.values()].map((instance) => this.#end(instance)));
  }

  #enter(instance: FakeInstance, state: FakeInstance['state'], reason?: StateReason): void {
    instance.enter(state, this.#options.clock.monotonic(), reason);
  }

  #carryOut(instance: FakeInstance, order: () => Promise<void>): void {
    this.#orders.set(instance.id, this.#orderOf(instance) + 1);
    const work = order().finally(() => this.#pending.delete(work));
    this.#pending.add(work);
  }

  #orderOf({ id }: FakeInstance): number {
    return this.#orders.get(id) ?? 0;
  }

  async #bootInTime(instance: FakeInstance): Promise<void> {
    const order = this.#orderOf(instance);
    const isTime = await this.#later(this.#options.pendingMs);
    if (!isTime || this.#orderOf(instance) !== order) return;
    const metadata = await startMetadataServer(instance);
    const guest = this.#options.boot({
      instanceId: instance.id,
      userData: instance.specification.userData,
      metadataEndpoint: metadata.endpoint,
    });
    this.#running.set(instance.id, { guest, metadata });
    if (this.#orderOf(instance) !== order) return;
    this.#enter(instance, 'running');
    void guest.poweredOff.then(() => this.#shutDownByItself(instance, guest));
  }

  #shutDownByItself(instance: FakeInstance, guest: Guest): void {
    if (instance.state !== 'running' || this.guestOf(instance.id) !== guest) return;
    if (instance.specification.onShutdown === 'stop') this.stop(instance, 'Client.InstanceInitiatedShutdown');
    else this.terminate(instance, 'Client.InstanceInitiatedShutdown');
  }

  async #endInTime(instance: FakeInstance, state: 'stopped' | 'terminated', reason: string): Promise<void> {
    const order = this.#orderOf(instance);
    this.guestOf(instance.id)?.askToEnd();
    const isTime = await this.#later(this.#options.endingMs);
    await this.#end(instance);
    if (isTime && this.#orderOf(instance) === order) this.#enter(instance, state, stateReason(reason));
  }

  async #end({ id }: FakeInstance): Promise<void> {
    const running = this.#running.get(id);
    this.#running.delete(id);
    await running?.guest.kill();
    await running?.metadata[Symbol.asyncDispose]();
  }

  /** False when everything is to end before the time has come. */
  async #later(milliseconds: number): Promise<boolean> {
    await this.#options.clock.sleep(milliseconds, this.#quit.signal);
    return !this.#quit.signal.aborted;
  }
}
