import type { SQSClient } from '@aws-sdk/client-sqs';
import { FacefleetError } from '../../../errors.ts';
import { type CallOptions, callAws } from '../calling.ts';
import { type AwsCall, translateAwsError } from '../errors.ts';
import { factsOf, type SdkFacts } from '../sdk-facts.ts';

export interface SqsPlace {
  readonly client: SQSClient;
  /** For messages. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

/** Calls of SQS, with what a message about their failure needs. */
export class QueueCalls {
  readonly client: SQSClient;
  readonly #place: Omit<SqsPlace, 'client'>;

  constructor({ client, endpoint, region }: SqsPlace) {
    this.client = client;
    this.#place = { endpoint, region };
  }

  /** `action` is the permission it takes: `sqs:SendMessage`. */
  run<T>(action: string, queue: string, attempt: () => Promise<T>, options?: CallOptions): Promise<T> {
    return callAws(this.#callOf(action, queue), attempt, options);
  }

  translate(action: string, queue: string, error: unknown): FacefleetError {
    return translateAwsError(error, this.#callOf(action, queue));
  }

  #callOf(action: string, queue: string): AwsCall {
    const special = { InvalidParameterValue: (facts: SdkFacts) => invalidParameter(facts, queue) };
    return { action, context: { queue }, special, ...this.#place };
  }
}

/** SQS has one code for all that is out of its range. */
function invalidParameter({ message, error }: SdkFacts, queue: string): FacefleetError {
  const isTooLong = /shorter than|too long|size/i.test(message);
  return new FacefleetError(isTooLong ? 'limit-exceeded' : 'bad-request', message, {
    context: { queue },
    cause: error,
  });
}

/** The message was redelivered, deleted, or given back: the receipt says nothing any more. */
export function isStaleReceipt(error: unknown): boolean {
  const { code, message } = factsOf(error);
  if (/(?:ReceiptHandleIsInvalid|MessageNotInflight)$/.test(code)) return true;
  return code === 'InvalidParameterValue' && /not available for visibility timeout change/i.test(message);
}
