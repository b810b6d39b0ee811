import { Ec2Api } from '../../src/adapters/aws/ec2/ec2-api.ts';
import { Ec2Fleet } from '../../src/adapters/aws/ec2/ec2-fleet.ts';
import type { OfferingChoice } from '../../src/adapters/aws/ec2/offering-book.ts';
import { systemClock } from '../../src/adapters/local/system-clock.ts';
import { type Logger, silentLogger } from '../../src/logger.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { settingsFor } from './aws-settings.ts';
import { createTemplate } from './fake-ec2/ec2-client.ts';
import { FakeEc2, type FakeEc2Options } from './fake-ec2/fake-ec2.ts';

export interface WorldFleetOptions extends Partial<OfferingChoice> {
  readonly name?: string;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly lookEveryMs?: number;
  readonly pageSize?: number;
}

const TEMPLATE = 'test-app-tier';

/** A fake EC2 with the service's launch template, and fleets on it. */
export class Ec2World implements AsyncDisposable {
  readonly ec2: FakeEc2;
  readonly #apis: Ec2Api[] = [];

  private constructor(ec2: FakeEc2) {
    this.ec2 = ec2;
  }

  static async start(options: FakeEc2Options & { readonly userData?: string } = {}): Promise<Ec2World> {
    const ec2 = await FakeEc2.start(options);
    const { userData } = options;
    await createTemplate(ec2, { name: TEMPLATE, ...(userData === undefined ? {} : { userData }) });
    return new Ec2World(ec2);
  }

  /** Each is one controller's. */
  fleet(options: WorldFleetOptions = {}): Ec2Fleet {
    const { name = 'test', clock = systemClock, logger = silentLogger, lookEveryMs = 20, pageSize } = options;
    const api = new Ec2Api({
      settings: settingsFor({ ec2: this.ec2.endpoint }),
      ...(pageSize === undefined ? {} : { pageSize }),
    });
    this.#apis.push(api);
    const { template = TEMPLATE, types = [], subnets = [], markets = ['on-demand'] } = options;
    return new Ec2Fleet({
      name,
      api,
      choice: { template, types, subnets, markets },
      clock,
      logger,
      lookEveryMs,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#apis.map((api) => api[Symbol.asyncDispose]()));
    await this.ec2[Symbol.asyncDispose]();
  }
}
