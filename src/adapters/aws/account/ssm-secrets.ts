import {
  DeleteParameterCommand,
  GetParameterCommand,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';

import type { Secrets } from '../../../cloud/account.ts';
import { NotFoundError } from '../../../errors.ts';
import type { AwsSettings } from '../client-options.ts';
import type { SdkFacts } from '../sdk-facts.ts';
import { ServiceCalls, undefinedIfMissing } from './service-calls.ts';

/** SecureStrings of Parameter Store. Values never get into errors. */
export class SsmSecrets implements Secrets {
  readonly #calls: ServiceCalls;
  readonly #client: SSMClient;

  constructor(settings: AwsSettings) {
    this.#calls = new ServiceCalls('ssm', settings);
    this.#client = new SSMClient(this.#calls.clientConfig());
  }

  async has(name: string): Promise<boolean> {
    return (await this.#get(name, false)) !== undefined;
  }

  read(name: string): Promise<string | undefined> {
    return this.#get(name, true);
  }

  async write(name: string, value: string): Promise<void> {
    const input = { Name: name, Value: value, Type: 'SecureString' as const, Overwrite: true };
    await this.#calls.run('PutParameter', { parameter: name }, () =>
      this.#client.send(new PutParameterCommand(input)),
    );
  }

  async remove(name: string): Promise<void> {
    const ask = () => this.#client.send(new DeleteParameterCommand({ Name: name }));
    await this.#calls
      .run('DeleteParameter', { parameter: name }, ask, { special: MISSING })
      .catch(undefinedIfMissing);
  }

  destroy(): void {
    this.#client.destroy();
  }

  async #get(name: string, isDecrypted: boolean): Promise<string | undefined> {
    const ask = () => this.#client.send(new GetParameterCommand({ Name: name, WithDecryption: isDecrypted }));
    const found = await this.#calls
      .run('GetParameter', { parameter: name }, ask, { special: MISSING })
      .catch(undefinedIfMissing);
    return found?.Parameter?.Value;
  }
}

const MISSING = {
  ParameterNotFound: (facts: SdkFacts) =>
    new NotFoundError('there is no such parameter', { cause: facts.error }),
};
