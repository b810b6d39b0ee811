import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';

/** Everything that an upload may be answered with; anything else is a fault of ours. */
export const DOCUMENTED_STATUSES: ReadonlySet<number> = new Set([
  200, 202, 400, 401, 403, 404, 405, 408, 413, 415, 417, 422, 429, 431, 501, 503, 504,
]);

/** The bytes of a form with one picture, headers and all. */
export function uploadRequest(picture: Buffer, { path = '/', boundary = 'frontier' } = {}): Buffer {
  const body = Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="comment"\r\n\r\nhello\r\n`),
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="inputFile"; filename="test_00.jpg"\r\n`,
    ),
    Buffer.from('Content-Type: image/jpeg\r\n\r\n'),
    picture,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    `Content-Type: multipart/form-data; boundary=${boundary}`,
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

type Edit = (bytes: Buffer) => Buffer;

const SNIPPETS = [
  '\r\n',
  '\r\n\r\n',
  '--frontier',
  '\r\n--frontier--\r\n',
  '\0',
  'filename="',
  "filename*=UTF-8''%00%0d%0a../",
  'Content-Length: 7\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Content-Disposition: form-data; name="inputFile"; filename="x.png"\r\n\r\n',
  'a'.repeat(20_000),
  '\xff\xfe',
  '"',
  ';',
  'Expect: 100-continue\r\n',
];

function splice(bytes: Buffer, at: number, removed: number, inserted: Buffer): Buffer {
  const from = Math.floor(at * bytes.length);
  return Buffer.concat([bytes.subarray(0, from), inserted, bytes.subarray(from + removed)]);
}

/** A place in the request, as a share of its length: anywhere, or where the part headers of a small picture are. */
const place = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0.06, max: 0.2, noNaN: true }),
);

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(place, fc.integer({ min: 0, max: 255 })).map(
    ([at, byte]): Edit =>
      (bytes) =>
        splice(bytes, at, 1, Buffer.from([byte])),
  ),
  fc.tuple(place, fc.constantFrom(...SNIPPETS)).map(
    ([at, text]): Edit =>
      (bytes) =>
        splice(bytes, at, 0, Buffer.from(text, 'latin1')),
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 200 })).map(
    ([at, count]): Edit =>
      (bytes) =>
        splice(bytes, at, count, Buffer.alloc(0)),
  ),
  fc.tuple(place, place, fc.integer({ min: 1, max: 400 })).map(
    ([at, from, count]): Edit =>
      (bytes) => {
        const start = Math.floor(from * bytes.length);
        return splice(bytes, at, 0, bytes.subarray(start, start + count));
      },
  ),
  place.map(
    (at): Edit =>
      (bytes) =>
        bytes.subarray(0, Math.floor(at * bytes.length)),
  ),
);

/** Ways to spoil a request: up to three edits. Most mend the Content-Length, so that the damage gets further in. */
export const mutation: fc.Arbitrary<Edit> = fc
  .tuple(fc.array(edit, { minLength: 1, maxLength: 3 }), fc.integer({ min: 0, max: 4 }))
  .map(([edits, mends]) => (bytes: Buffer) => {
    const spoilt = edits.reduce((current, next) => next(current), bytes);
    return mends > 0 ? mendLength(spoilt) : spoilt;
  });

function mendLength(bytes: Buffer): Buffer {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return bytes;
  const head = bytes.subarray(0, end).toString('latin1');
  const mended = head.replace(/Content-Length: \d+/, `Content-Length: ${bytes.length - end - 4}`);
  return Buffer.concat([Buffer.from(mended, 'latin1'), bytes.subarray(end)]);
}

/** Sends the bytes, ends its side, and resolves to the statuses of all answers until the server closes. */
export async function sendHostile(port: number, bytes: Buffer): Promise<number[]> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.end(bytes);
  await once(socket, 'close');
  return [...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)]
    .map(([, status]) => Number(status))
    .filter((status) => status >= 200);
}
