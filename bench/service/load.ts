import { Agent, request } from 'node:http';

import { inParallel, type NamedPicture } from '../../test/prove/check.ts';

const BOUNDARY = 'facefleet-bench';

/** Clients that post pictures as fast as they are answered, as lean as can be: what they cost is taken from the service's cores. */
export class Load implements Disposable {
  readonly #url: string;
  readonly #pictures: readonly NamedPicture[];
  readonly #bodies: readonly Buffer[];
  readonly #clients: number;
  readonly #agent: Agent;

  constructor(url: string, pictures: readonly NamedPicture[], clients: number) {
    this.#url = url;
    this.#pictures = pictures;
    this.#bodies = pictures.map(formOf);
    this.#clients = clients;
    this.#agent = new Agent({ keepAlive: true, maxSockets: clients });
  }

  /** Posts so many pictures and checks each answer; resolves to pictures a second. */
  async serve(count: number): Promise<number> {
    const startedAt = performance.now();
    await inParallel(Array.from({ length: count }), this.#clients, async (_, index) => {
      const at = index % this.#pictures.length;
      const answer = await this.#send(this.#bodies[at]!);
      const wanted = `test_00:${this.#pictures[at]!.name}`;
      if (answer !== wanted) throw new Error(`${answer}, expected ${wanted}`);
    });
    return (count / (performance.now() - startedAt)) * 1000;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #send(body: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = {
        'Content-Type': `multipart/form-data; boundary=${BOUNDARY}`,
        'Content-Length': body.length,
      };
      const call = request(this.#url, { method: 'POST', agent: this.#agent, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve(text)).on('error', reject);
      });
      call.on('error', reject).end(body);
    });
  }
}

function formOf({ bytes }: NamedPicture): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="inputFile"; filename="test_00.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}
