import { type ErrorContext, NotFoundError } from '../../../errors.ts';
import { type CallOptions, callAws } from '../calling.ts';
import { type AwsService, type AwsSettings, clientOptions, endpointOf } from '../client-options.ts';
import type { AwsCall } from '../errors.ts';
import { requestHandler } from '../request-handler.ts';

const MAX_SOCKETS = 10;
/** CloudFormation and EC2 may think for a while. */
const SILENCE_MS = 30_000;

/** One service's calls for the verbs of an operator: repeated while that may help, their errors in our words. */
export class ServiceCalls {
  readonly #service: AwsService;
  readonly #settings: AwsSettings;

  constructor(service: AwsService, settings: AwsSettings) {
    this.#service = service;
    this.#settings = settings;
  }

  /** For the constructor of the SDK's client. */
  clientConfig() {
    return {
      ...clientOptions(this.#settings, this.#service),
      // `callAws` repeats.
      maxAttempts: 1,
      requestHandler: requestHandler({ maxSockets: MAX_SOCKETS, silenceMs: SILENCE_MS }),
    };
  }

  get hasOwnEndpoint(): boolean {
    return endpointOf(this.#settings, this.#service) !== undefined;
  }

  /** `action` without the service: `DescribeStacks`. */
  run<T>(
    action: string,
    context: ErrorContext,
    attempt: () => Promise<T>,
    more: { special?: AwsCall['special']; options?: CallOptions } = {},
  ): Promise<T> {
    const call: AwsCall = {
      action: `${this.#service}:${action}`,
      context,
      endpoint: endpointOf(this.#settings, this.#service),
      region: this.#settings.region,
      ...(more.special === undefined ? {} : { special: more.special }),
    };
    return callAws(call, attempt, more.options);
  }
}

/** For `catch`: what is not there is no error to who asks whether it is. */
export function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof NotFoundError) return undefined;
  throw error;
}
