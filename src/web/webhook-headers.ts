import type { Request } from 'express';

import { errorCode, errorMessage } from '../errors.ts';
import { Destinations } from '../webhooks/destinations.ts';
import { checkWebhook, type Webhook } from '../webhooks/webhook.ts';
import type { WebContext } from './context.ts';
import { HttpProblem } from './problem.ts';

/**
 * The webhook that a request asks for: headers, since a picture may come without a form, and what stands in an address
 * stands in logs.
 *
 * @throws HttpProblem 400 when it is none that we would call.
 */
export function webhookOf({ config }: Pick<WebContext, 'config'>, { headers }: Request): Webhook | undefined {
  const url = headers['webhook-url'];
  const secret = headers['webhook-secret'];
  if (url === undefined && secret === undefined) return undefined;
  if (typeof url !== 'string' || typeof secret !== 'string') {
    throw new HttpProblem(400, 'a webhook needs both Webhook-Url and Webhook-Secret, each once');
  }
  try {
    checkWebhook({ url, secret });
    return { url: new Destinations(config.webhookAllowedHosts).check(url).href, secret };
  } catch (error) {
    if (errorCode(error) !== 'bad-request') throw error;
    throw new HttpProblem(400, errorMessage(error), { cause: error });
  }
}
