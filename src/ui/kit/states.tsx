import type { ComponentChildren } from 'preact';

import { ApiError, waitAfter } from '../api.ts';
import { useNow } from './hooks.ts';
import { Icon, type IconName } from './icons.tsx';
import { openKeyDialog } from './key-dialog.tsx';

/** What stands where there is nothing yet: what this is for, and how to begin. */
export function Empty(props: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={props.icon} />
      </span>
      <h3>{props.title}</h3>
      {props.children}
    </div>
  );
}

export function Failure({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  return (
    <div class="failure">
      <Icon name="warning" />
      <p role="alert">{error instanceof Error ? error.message : String(error)}</p>
      {error instanceof ApiError && error.status === 401 ? (
        <button type="button" class="small" onClick={openKeyDialog}>
          Enter key
        </button>
      ) : (
        <Again error={error} onRetry={onRetry} />
      )}
    </div>
  );
}

/** Not before the service wants to be asked again. */
function Again({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const waitMs = waitAfter(error, useNow(500));
  return (
    <button type="button" class="small" disabled={waitMs > 0} onClick={onRetry}>
      {waitMs > 0 ? `Again in ${Math.ceil(waitMs / 1000)} s` : 'Try again'}
    </button>
  );
}

/** Room for what is being loaded, so that nothing jumps when it comes. */
export function Skeleton({ lines }: { lines: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}

export type Tone = 'good' | 'warn' | 'bad' | 'calm' | 'accent';

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function Bar({ share, tone, mark }: { share: number; tone: Tone; mark?: number | undefined }) {
  const percent = (value: number) => `${Math.min(1, Math.max(0, value)) * 100}%`;
  return (
    <span class={`bar ${tone}`} aria-hidden="true">
      <span class="bar-fill" style={{ width: percent(share) }} />
      {mark !== undefined && <span class="bar-mark" style={{ left: percent(mark) }} />}
    </span>
  );
}
