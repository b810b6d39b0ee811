import { useState } from 'preact/hooks';

import { accessState, loadAccess } from '../access.ts';
import { apiKey, keyNeeded, onKeyNeeded } from '../api.ts';
import { Dialog } from './dialog.tsx';
import { Icon } from './icons.tsx';
import { Store, useStore } from './store.ts';

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface Question {
  readonly isOpen: boolean;
  /** The user has closed the dialog: whoever needs a key is refused until the user opens it again. */
  readonly isDeclined: boolean;
  /** Why the last key was not good. */
  readonly refusal?: string | undefined;
  readonly waiting: readonly Waiting[];
}

const question = new Store<Question>({ isOpen: false, isDeclined: false, waiting: [] });

onKeyNeeded((refusal) => {
  if (question.value.isDeclined) return Promise.reject(keyNeeded());
  return new Promise((resolve, reject) => {
    question.update(({ waiting }) => ({
      isOpen: true,
      isDeclined: false,
      refusal,
      waiting: [...waiting, { resolve, reject }],
    }));
  });
});

export function openKeyDialog(): void {
  question.update((before) => ({ ...before, isOpen: true, isDeclined: false, refusal: undefined }));
}

/** All calls that wait for a key go on with this one; undefined: they are refused. */
function settle(key: string | undefined): void {
  const { waiting } = question.value;
  const isNeeded = waiting.length > 0 || accessState.value.known === undefined;
  question.update(() => ({ isOpen: false, isDeclined: key === undefined && isNeeded, waiting: [] }));
  if (key !== undefined) {
    apiKey.update(() => key);
    // Another key may do other things. Where nothing was known yet, somebody who waits here is asking.
    if (accessState.value.known !== undefined || waiting.length === 0) void loadAccess();
  }
  for (const { resolve, reject } of waiting) {
    if (key === undefined) reject(keyNeeded());
    else resolve();
  }
}

function forget(): void {
  apiKey.update(() => undefined);
  question.update((before) => ({ ...before, isOpen: false, isDeclined: false }));
  void loadAccess();
}

/** Asks for the API key when the service wants one, or the user wants to give another. */
export function KeyDialog() {
  const { isOpen, refusal } = useStore(question);
  return isOpen ? <KeyForm key={refusal} refusal={refusal} /> : null;
}

function KeyForm({ refusal }: { refusal: string | undefined }) {
  const [key, setKey] = useState('');
  const current = useStore(apiKey);
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    if (key.trim() !== '') settle(key.trim());
  };
  return (
    <Dialog title="API key" onClose={() => settle(undefined)}>
      <form class="stack" onSubmit={onSubmit}>
        {refusal === undefined ? (
          <p>
            {current === undefined
              ? 'This service asks everybody for a key. Whoever runs it makes one with '
              : 'A key is in use. Another one is made with '}
            <code>facefleet keys create</code>.
          </p>
        ) : (
          <p class="problem" role="alert">
            {refusal} Check it and try again.
          </p>
        )}
        <label class="field">
          Key
          <input
            value={key}
            type="password"
            autocomplete="off"
            spellcheck={false}
            required
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <p class="hint">It is kept in this browser tab only, until you close it.</p>
        <div class="actions">
          {current !== undefined && (
            <button type="button" onClick={forget}>
              Forget the key
            </button>
          )}
          <button type="submit" class="primary" disabled={key.trim() === ''}>
            Use this key
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** In the head of the page, where keys are used at all. */
export function KeyButton() {
  const key = useStore(apiKey);
  const { known } = useStore(accessState);
  const { isDeclined } = useStore(question);
  if (key === undefined && !(known === undefined && isDeclined)) return null;
  return (
    <button type="button" class="plain small key-button" onClick={openKeyDialog}>
      <Icon name="key" />
      <span>{key === undefined ? 'Enter key' : 'Key'}</span>
    </button>
  );
}
