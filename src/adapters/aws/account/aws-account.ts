import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';

import type { Caller, CloudAccount } from '../../../cloud/account.ts';
import type { AwsSettings } from '../client-options.ts';
import { CloudFormationStacks } from './cloudformation-stacks.ts';
import { Ec2Machines } from './ec2-machines.ts';
import { S3Storage } from './s3-storage.ts';
import { ServiceCalls } from './service-calls.ts';
import { ServiceQuotas } from './service-quotas.ts';
import { SqsInspection } from './sqs-inspection.ts';
import { SsmSecrets } from './ssm-secrets.ts';

/** An AWS account in one region, as an operator sees it. */
export class AwsAccount implements CloudAccount {
  readonly stacks: CloudFormationStacks;
  readonly machines: Ec2Machines;
  readonly storage: S3Storage;
  readonly secrets: SsmSecrets;
  readonly queues: SqsInspection;
  readonly quotas: ServiceQuotas;
  readonly #calls: ServiceCalls;
  readonly #client: STSClient;
  /** By the last answer's `Date`, milliseconds since 1970. */
  #serverTime: number | undefined;

  /** `lookMs`: how often a change set is looked at while CloudFormation works it out. */
  constructor(settings: AwsSettings, options: { lookMs?: number } = {}) {
    this.stacks = new CloudFormationStacks(settings, options);
    this.machines = new Ec2Machines(settings);
    this.storage = new S3Storage(settings);
    this.secrets = new SsmSecrets(settings);
    this.queues = new SqsInspection(settings);
    this.#calls = new ServiceCalls('sts', settings);
    this.#client = new STSClient(this.#calls.clientConfig());
    this.quotas = new ServiceQuotas(settings, this.#client.config);
    this.#client.middlewareStack.add(
      (next) => async (args) => {
        const result = await next(args);
        const { headers } = result.response as { headers?: Readonly<Record<string, string>> };
        const time = Date.parse(headers?.date ?? '');
        this.#serverTime = Number.isNaN(time) ? undefined : time;
        return result;
      },
      { step: 'deserialize', priority: 'low' },
    );
  }

  async whoAmI(): Promise<Caller> {
    const { Account = '', Arn = '' } = await this.#calls.run('GetCallerIdentity', {}, () =>
      this.#client.send(new GetCallerIdentityCommand({})),
    );
    const region = await this.#client.config.region();
    // The header has whole seconds.
    const skew = this.#serverTime === undefined ? 0 : Math.trunc((Date.now() - this.#serverTime) / 1000);
    return { accountId: Account, arn: Arn, region, clockSkewSeconds: skew };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { stacks, machines, storage, secrets, queues, quotas } = this;
    for (const part of [stacks, machines, storage, secrets, queues, quotas]) part.destroy();
    this.#client.destroy();
  }
}
