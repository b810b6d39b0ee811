import { BadImageError, type BadImageReason, RecogniserLostError } from '../recognition/errors.ts';
import type { RecognisedPicture, RecogniseOptions } from '../recognition/types.ts';

/** What the worker asks of the child, once. */
export type IsolatedRequest =
  | { readonly kind: 'recognise'; readonly picture: Uint8Array; readonly options: RecogniseOptions }
  | { readonly kind: 'embedCrop'; readonly crop: Uint8Array };

/** What the child answers, once; a child that ends without has crashed. */
export type IsolatedReply =
  | { readonly kind: 'recognised'; readonly picture: RecognisedPicture }
  | { readonly kind: 'embedded'; readonly embedding: Float32Array }
  | { readonly kind: 'bad-image'; readonly reason: BadImageReason; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string };

export function replyForError(error: unknown): IsolatedReply | 'lost' {
  if (error instanceof RecogniserLostError) return 'lost';
  if (error instanceof BadImageError) {
    return { kind: 'bad-image', reason: error.reason, message: error.message };
  }
  return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
}
