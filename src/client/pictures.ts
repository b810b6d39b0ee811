/** The bytes of a picture. A `File`, or what `fs.openAsBlob` gives, brings its name or needs no memory. */
export type Picture = Blob | Uint8Array | ArrayBuffer;

/** A picture with what the service is to call it. */
export interface NamedPicture {
  readonly picture: Picture;
  /** At most 255 characters; that of a `File` where none is given. */
  readonly fileName?: string | undefined;
  /** Your own id of the face in it, where faces are added. */
  readonly externalId?: string | undefined;
}

/** The field of a form that holds a picture. */
const FIELD = 'inputFile';

export function formOf(pictures: readonly (Picture | NamedPicture)[]): FormData {
  const form = new FormData();
  for (const one of pictures) {
    const { picture, fileName, externalId } = named(one);
    // Before its file: that is how the service knows which one it is about.
    if (externalId !== undefined) form.append('externalId', externalId);
    form.append(FIELD, blobOf(picture), fileName ?? nameOf(picture));
  }
  return form;
}

/** Lines of a batch: `{"fileName": …, "picture": <base64>}`. */
export async function batchLines(pictures: Iterable<Picture | NamedPicture>): Promise<Blob> {
  const lines: Blob[] = [];
  for (const one of pictures) {
    const { picture, fileName } = named(one);
    const base64 = toBase64(new Uint8Array(await blobOf(picture).arrayBuffer()));
    const name = fileName ?? nameOf(picture);
    lines.push(new Blob([JSON.stringify({ fileName: name, picture: base64 }), '\n']));
  }
  return new Blob(lines);
}

function named(one: Picture | NamedPicture): NamedPicture {
  return 'picture' in one ? one : { picture: one };
}

function blobOf(picture: Picture): Blob {
  // A view of shared memory can't go into a blob, so it is copied.
  return picture instanceof Blob ? picture : new Blob([new Uint8Array(picture)]);
}

function nameOf(picture: Picture): string {
  const { name } = picture as { readonly name?: unknown };
  return typeof name === 'string' && name !== '' ? name : 'picture';
}

/** Node before 25 and older browsers have no `toBase64`. */
function toBase64(bytes: Uint8Array): string {
  // As many as a call takes arguments, and a multiple of three, so that the parts can be joined.
  const PIECE = 24_573;
  let text = '';
  for (let at = 0; at < bytes.length; at += PIECE) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + PIECE)));
  }
  return text;
}
