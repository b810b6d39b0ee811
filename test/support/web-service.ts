import { connect, type Socket } from 'node:net';
import type { WaitLimits } from '../../src/web/context.ts';
import type { Page } from '../../src/web/page/page.ts';
import { startWebTier, type WebTier } from '../../src/web/web-tier.ts';
import { doneResult, FakeWorker, type Recognise } from './fake-worker.ts';
import { MemoryDeployment, type MemoryDeploymentOptions } from './memory-deployment.ts';

export interface WebServiceOptions extends MemoryDeploymentOptions {
  /** False: no worker, so that jobs stay pending. */
  readonly recognise?: Recognise | false;
  readonly waits?: WaitLimits;
  /** Instead of a fresh one; disposed of with the service. */
  readonly deployment?: MemoryDeployment;
  readonly page?: Page;
}

/** The web tier on a real socket, everything behind it in memory, with a fake worker that names what the picture says. */
export class WebService implements AsyncDisposable {
  readonly deployment: MemoryDeployment;
  readonly worker: FakeWorker | undefined;
  readonly tier: WebTier;

  private constructor(deployment: MemoryDeployment, worker: FakeWorker | undefined, tier: WebTier) {
    this.deployment = deployment;
    this.worker = worker;
    this.tier = tier;
  }

  static async start({
    recognise = nameWritten,
    waits,
    page,
    ...options
  }: WebServiceOptions = {}): Promise<WebService> {
    const deployment = options.deployment ?? new MemoryDeployment(options);
    const extras = { ...(waits === undefined ? {} : { waits }), ...(page === undefined ? {} : { page }) };
    const tier = await startWebTier({ deployment, checksAnswers: true, ...extras });
    const worker = recognise === false ? undefined : await FakeWorker.start(deployment, recognise);
    return new WebService(deployment, worker, tier);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.tier.url}${path}`, init);
  }

  /** Posts a picture as a form. */
  post(path: string, form: FormData, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, { method: 'POST', body: form, headers });
  }

  /** A bare connection, for requests that no client would send. */
  connect(): Socket {
    return connect(this.tier.port, '127.0.0.1').on('error', () => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tier[Symbol.asyncDispose]();
    await this.worker?.[Symbol.asyncDispose]();
    await this.deployment[Symbol.asyncDispose]();
  }
}

/** Bytes that begin like a JPEG and say whom the fake worker is to see. */
export function pictureOf(name: string, sizeBytes = 0): Buffer {
  const start = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from(`<${name}>`)]);
  return Buffer.concat([start, Buffer.alloc(Math.max(0, sizeBytes - start.length))]);
}

const nameWritten: Recognise = (record, picture) => {
  const name = /<(.*)>/.exec(picture.subarray(4, 300).toString())?.[1];
  return doneResult(record, ...(name ? [name, 'A smaller face'] : []));
};

export function formOf(picture: Buffer, fileName = 'test_00.jpg', field = 'inputFile'): FormData {
  const form = new FormData();
  form.set(field, new Blob([new Uint8Array(picture)], { type: 'image/jpeg' }), fileName);
  return form;
}

export interface RawResponse {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Reads one response off a bare connection; undefined if it is closed without one. */
export async function readResponse(socket: Socket): Promise<RawResponse | undefined> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const head = text.slice(0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    const body = text.slice(end + 4);
    if (/transfer-encoding: chunked/i.test(head) ? !body.endsWith('0\r\n\r\n') : body.length < length)
      continue;
    return { status: Number(head.slice(9, 12)), head, body };
  }
  return undefined;
}
