import { useState } from 'preact/hooks';

import { apiKey, send } from '../api.ts';
import { useLoad, useObjectUrl } from './hooks.ts';
import { Icon } from './icons.tsx';
import { useStore } from './store.ts';

/** A picture of the service's. With a key it is fetched, since an <img> sends none. */
export function StoredImage({ path, alt }: { path: string; alt: string }) {
  return useStore(apiKey) === undefined ? (
    <PlainImage path={path} alt={alt} />
  ) : (
    <FetchedImage path={path} alt={alt} />
  );
}

function PlainImage({ path, alt }: { path: string; alt: string }) {
  const [isMissing, setIsMissing] = useState(false);
  if (isMissing) return <NoImage />;
  return <img src={path} alt={alt} loading="lazy" decoding="async" onError={() => setIsMissing(true)} />;
}

function FetchedImage({ path, alt }: { path: string; alt: string }) {
  const { value, error } = useLoad(path, async (signal) => (await send(path, { signal })).blob());
  const url = useObjectUrl(value);
  if (error !== undefined) return <NoImage />;
  return url === undefined ? <span class="image-wait" /> : <img src={url} alt={alt} />;
}

export function NoImage() {
  return (
    <span class="no-image">
      <Icon name="people" />
    </span>
  );
}
