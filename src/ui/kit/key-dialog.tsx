import { useEffect, useState } from 'preact/hooks';

import { ApiError, keepApiKey, onKeyNeeded } from '../api.ts';
import { Dialog } from './dialog.tsx';

interface Question {
  readonly wasRefused: boolean;
  readonly waiting: { readonly resolve: () => void; readonly reject: (error: Error) => void }[];
}

/** Asks for the API key when the service wants one. All calls that meanwhile wait for it go on with the same answer. */
export function KeyDialog() {
  const [question, setQuestion] = useState<Question>();
  useEffect(() => {
    onKeyNeeded(
      (wasRefused) =>
        new Promise((resolve, reject) => {
          setQuestion((open) => ({
            wasRefused: open?.wasRefused ?? wasRefused,
            waiting: [...(open?.waiting ?? []), { resolve, reject }],
          }));
        }),
    );
  }, []);
  if (question === undefined) return null;
  const settle = (end: (one: Question['waiting'][number]) => void) => {
    setQuestion(undefined);
    question.waiting.forEach(end);
  };
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget as HTMLFormElement).get('key')).trim();
    if (key === '') return;
    keepApiKey(key);
    settle(({ resolve }) => resolve());
  };
  const close = () => settle(({ reject }) => reject(new ApiError('An API key is needed for this.', 401)));
  return (
    <Dialog title="API key" onClose={close}>
      <form class="stack" onSubmit={onSubmit}>
        <p>
          {question.wasRefused
            ? 'The service did not accept the key. Check it and try again.'
            : 'This service can be reached from other machines, so it asks for a key.'}
        </p>
        <label class="field">
          Key
          <input name="key" type="password" autocomplete="off" required />
        </label>
        <p class="hint">It is kept in this browser tab only, until you close it.</p>
        <div class="actions">
          <button type="submit" class="primary">
            Use this key
          </button>
        </div>
      </form>
    </Dialog>
  );
}
