import { ApiError, call, waitAfter } from './api.ts';
import { Store, useStore } from './kit/store.ts';

export type Scope = 'recognise' | 'enrol' | 'admin';

export interface Access {
  readonly scopes: readonly Scope[];
  /** The only gallery within reach; null for all. */
  readonly gallery: string | null;
}

const DEFAULT_GALLERY = 'default';
const RETRY_MS = 3000;

/** What the user may do, or why that is not known. */
export const accessState = new Store<{ readonly known?: Access; readonly problem?: unknown }>({});

/** Asks the service, again and again until it says so, or wants a key that the user does not give. */
export async function loadAccess(): Promise<void> {
  for (;;) {
    try {
      const known = await call<Access>('/v1/access');
      return accessState.update(() => ({ known }));
    } catch (problem) {
      accessState.update(() => ({ problem }));
      if (problem instanceof ApiError && problem.status === 401) return;
      await new Promise((resolve) => setTimeout(resolve, Math.max(RETRY_MS, waitAfter(problem))));
    }
  }
}

/** Resolves once it is known, or cannot be known now. */
export function accessSettled(): Promise<void> {
  if ('known' in accessState.value || 'problem' in accessState.value) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = accessState.subscribe(() => {
      stop();
      resolve();
    });
  });
}

export function may({ scopes }: Access, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin');
}

/** Whether the user may do this: what would be refused is not offered. */
export function useMay(scope: Scope): boolean {
  const { known } = useStore(accessState);
  return known !== undefined && may(known, scope);
}

/** Where an operation of the user's gallery is: the only one within reach, or the default one. */
export function inGallery(path: string): string {
  const gallery = accessState.value.known?.gallery ?? DEFAULT_GALLERY;
  return gallery === DEFAULT_GALLERY ? `/v1${path}` : `/v1/galleries/${encodeURIComponent(gallery)}${path}`;
}
