import type { STSClientResolvedConfig } from '@aws-sdk/client-sts';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import { SignatureV4 } from '@smithy/signature-v4';

import type { Market, Quotas, VcpuQuota } from '../../../cloud/account.ts';
import { NotFoundError } from '../../../errors.ts';
import { type AwsSettings, endpointOf } from '../client-options.ts';
import { requestHandler } from '../request-handler.ts';
import type { SdkFacts } from '../sdk-facts.ts';
import { ServiceCalls, undefinedIfMissing } from './service-calls.ts';

/** vCPUs of all running instances of the types A, C, D, H, I, M, R, T and Z together. */
const VCPU_QUOTAS: Readonly<Record<Market, string>> = { 'on-demand': 'L-1216C47A', spot: 'L-34B43A08' };
const SILENCE_MS = 10_000;

type HttpRequest = Parameters<NodeHttpHandler['handle']>[0];

/** Whose credentials and region requests are signed with. */
export type Signer = Pick<STSClientResolvedConfig, 'credentials' | 'region' | 'sha256'>;

/**
 * Limits of the account, as Service Quotas has them. The SDK's client for it is not among our dependencies: this asks one question
 * in the service's JSON protocol, signed by the SDK's own signer.
 */
export class ServiceQuotas implements Quotas {
  readonly #calls: ServiceCalls;
  readonly #settings: AwsSettings;
  readonly #signer: Signer;
  readonly #handler = requestHandler({ maxSockets: 2, silenceMs: SILENCE_MS });

  constructor(settings: AwsSettings, signer: Signer) {
    this.#calls = new ServiceCalls('servicequotas', settings);
    this.#settings = settings;
    this.#signer = signer;
  }

  async vcpus(market: Market): Promise<VcpuQuota | undefined> {
    const code = VCPU_QUOTAS[market];
    // What nobody ever changed has no value of its own.
    const value =
      (await this.#value('GetServiceQuota', code)) ?? (await this.#value('GetAWSDefaultServiceQuota', code));
    return value === undefined ? undefined : { code, value };
  }

  destroy(): void {
    this.#handler.destroy();
  }

  async #value(action: string, quota: string): Promise<number | undefined> {
    const ask = () => this.#ask(action, { ServiceCode: 'ec2', QuotaCode: quota });
    const answer = await this.#calls
      .run(action, { quota }, ask, { special: { NoSuchResourceException: missing } })
      .catch(undefinedIfMissing);
    const value = (answer?.Quota as { Value?: unknown } | undefined)?.Value;
    return typeof value === 'number' ? value : undefined;
  }

  async #ask(action: string, input: object): Promise<Readonly<Record<string, unknown>>> {
    const region = await this.#signer.region();
    const own = endpointOf(this.#settings, 'servicequotas');
    const signer = new SignatureV4({ ...this.#signer, region, service: 'servicequotas' });
    const request = requestOf(new URL(own ?? endpointIn(region)), action, JSON.stringify(input));
    const signed = (await signer.sign(request)) as HttpRequest;
    const { response } = await this.#handler.handle(signed);
    const chunks: Buffer[] = [];
    for await (const chunk of response.body as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = parsed(Buffer.concat(chunks).toString('utf8'));
    if (response.statusCode === 200) return body;
    throw refusal(response, body);
  }
}

function requestOf(url: URL, action: string, body: string): Omit<HttpRequest, 'clone'> {
  return {
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    path: url.pathname,
    query: {},
    headers: {
      host: url.host,
      'content-type': 'application/x-amz-json-1.1',
      'content-length': String(Buffer.byteLength(body)),
      'x-amz-target': `ServiceQuotasV20190624.${action}`,
    },
    body,
  };
}

function endpointIn(region: string): string {
  return `https://servicequotas.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`;
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    // A proxy's page, or nothing: the status has to do.
    return {};
  }
}

/** As the SDK's clients throw it, so that it is translated as theirs are. */
function refusal(
  { statusCode, headers }: { statusCode: number; headers: Readonly<Record<string, string>> },
  body: Readonly<Record<string, unknown>>,
): Error {
  const error = new Error(String(body.message ?? body.Message ?? `status ${statusCode}`));
  error.name = String(body.__type ?? headers['x-amzn-errortype'] ?? 'Unknown').replace(/^.*#|:.*$/g, '');
  return Object.assign(error, {
    $metadata: { httpStatusCode: statusCode },
    $response: { statusCode, headers },
  });
}

const missing = (facts: SdkFacts) => new NotFoundError(facts.message, { cause: facts.error });
