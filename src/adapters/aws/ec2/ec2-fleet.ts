import type { Filter } from '@aws-sdk/client-ec2';
import { CapacityUnavailableError, errorCode, NotFoundError, UnavailableError } from '../../../errors.ts';
import type { Logger } from '../../../logger.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Fleet, Instance, LaunchRequest } from '../../../ports/fleet.ts';
import type { Ec2Api } from './ec2-api.ts';
import { clientToken, FLEET_TAG, TOKEN_TAG } from './fleet-tags.ts';
import { decodeTerms, offeringsOf, placeOf } from './launch-terms.ts';
import { emptyOfferings, fleetRequest, launchedInstance, launchFailure } from './launching.ts';
import { OfferingBook, type OfferingChoice } from './offering-book.ts';
import { type SeenInstance, seenInstance } from './seen-instance.ts';
import { Sightings } from './sightings.ts';

export interface Ec2FleetOptions {
  /** Fleets of different names share an account and know nothing of each other. */
  readonly name: string;
  readonly api: Ec2Api;
  readonly choice: OfferingChoice;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often the fleet may be described; a test may say otherwise. */
  readonly lookEveryMs?: number;
}

const LOOK_EVERY_MS = 2000;

/**
 * A fleet of EC2 instances, each launched by an instant EC2 Fleet of one from a launch template. What belongs to it is
 * what has its tag, nothing else is ever touched.
 *
 * EC2's client token makes a repeated launch the same launch, as long as it asks for the same; the terms that the caller
 * writes down see to that. What it launched itself a moment ago it lists whether or not EC2 shows it yet.
 */
export class Ec2Fleet implements Fleet {
  readonly name: string;
  readonly #options: Ec2FleetOptions;
  readonly #offerings: OfferingBook;
  readonly #sightings: Sightings;

  constructor(options: Ec2FleetOptions) {
    const { name, choice, clock, lookEveryMs = LOOK_EVERY_MS } = options;
    this.name = name;
    this.#options = options;
    this.#offerings = new OfferingBook(choice, clock);
    this.#sightings = new Sightings({ look: () => this.#describe([]), clock, lookEveryMs });
  }

  terms(): string {
    return this.#offerings.terms();
  }

  list(): Promise<Instance[]> {
    return this.#sightings.all();
  }

  async launch(request: LaunchRequest): Promise<Instance> {
    const terms = decodeTerms(request.terms ?? this.terms());
    const context = { fleet: this.name, slot: request.slot, generation: request.generation };
    if (offeringsOf(terms).length === 0) {
      const seconds = this.#offerings.secondsUntilNext(terms);
      throw new CapacityUnavailableError(`no offering had room; the first is asked again in ${seconds} s`, {
        context: { ...context, market: terms.market },
      });
    }
    try {
      const answer = await this.#options.api.createFleet(fleetRequest(this.name, request, terms), context);
      this.#noteEmpty(emptyOfferings(answer, terms));
      const launched = launchedInstance(answer, request, new Date(this.#options.clock.now()));
      if (launched === undefined) throw launchFailure(answer, context);
      return this.#remember(launched, request);
    } catch (error) {
      if (errorCode(error) !== 'conflict') throw error;
      return this.#launchedOnOtherTerms(request, error);
    }
  }

  async start(id: string): Promise<void> {
    await this.#checkOurs(id);
    await this.#options.api.start(id);
  }

  async stop(id: string): Promise<void> {
    if (!(await this.#isOurs(id))) return;
    try {
      await this.#options.api.stop(id);
    } catch (error) {
      if (errorCode(error) === 'not-found') return;
      if (errorCode(error) !== 'conflict') throw error;
      await this.#settleStop(id, error);
    }
  }

  async terminate(id: string): Promise<void> {
    if (!(await this.#isOurs(id))) return;
    try {
      await this.#options.api.terminate(id);
    } catch (error) {
      if (errorCode(error) !== 'not-found') throw error;
    }
  }

  #noteEmpty(offerings: ReturnType<typeof emptyOfferings>): void {
    for (const offering of offerings) {
      this.#offerings.putAside(offering);
      const { market } = offering;
      this.#options.logger.info({ offering: placeOf(offering), market }, 'offering has no room; put aside');
    }
  }

  /** A repeated launch may be of an instance that has long been seen, perhaps to end. */
  #remember(launched: Instance, { token }: LaunchRequest): Instance {
    const known = this.#sightings.find(launched.id);
    if (known !== undefined) return known.instance;
    this.#sightings.remember({ instance: launched, clientToken: clientToken(this.name, token) });
    return launched;
  }

  /** The token is taken: by this very launch when it was asked for without terms, or by another one. */
  async #launchedOnOtherTerms({ token, slot, generation }: LaunchRequest, error: unknown): Promise<Instance> {
    const filter = { Name: `tag:${TOKEN_TAG}`, Values: [clientToken(this.name, token)] };
    const [found] = await this.#describe([filter]);
    if (found?.instance.slot === slot && found.instance.generation === generation) return found.instance;
    throw error;
  }

  /** What is gone is as good as stopped; what has not begun to run cannot be stopped yet. */
  async #settleStop(id: string, error: unknown): Promise<void> {
    const found = await this.#look(id);
    const state = found?.instance.state;
    if (found === undefined || state === 'terminated' || state === 'stopping') return;
    if (state !== 'pending') throw error;
    throw new UnavailableError('the instance is still pending and cannot be stopped yet', {
      context: { instance: id },
      cause: error,
    });
  }

  async #checkOurs(id: string): Promise<void> {
    if (await this.#isOurs(id)) return;
    throw new NotFoundError('there is no such instance', { context: { instance: id, fleet: this.name } });
  }

  async #isOurs(id: string): Promise<boolean> {
    return (this.#sightings.find(id) ?? (await this.#look(id))) !== undefined;
  }

  async #look(id: string): Promise<SeenInstance | undefined> {
    const [found] = await this.#describe([{ Name: 'instance-id', Values: [id] }]);
    return found;
  }

  async #describe(more: readonly Filter[]): Promise<SeenInstance[]> {
    const filters = [{ Name: `tag:${FLEET_TAG}`, Values: [this.name] }, ...more];
    const instances = await this.#options.api.describe(filters, { fleet: this.name });
    return instances.map((one) => seenInstance(this.name, one)).filter((one) => one !== undefined);
  }
}

/** `<prefix>-app-tier`, as the stack names it. */
export function defaultTemplate(prefix: string): string {
  return `${prefix}-app-tier`;
}
