import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { useRoute } from './kit/hooks.ts';
import { Icon, type IconName } from './kit/icons.tsx';
import { KeyDialog } from './kit/key-dialog.tsx';
import { Notices } from './kit/notices.tsx';
import { Failure, Skeleton } from './kit/states.tsx';
import { RecogniseView } from './recognise/recognise-view.tsx';

interface ViewProps {
  /** Words of the address behind the view's own. */
  readonly rest: readonly string[];
}

type Content = ComponentType<ViewProps>;

interface View {
  readonly word: string;
  readonly title: string;
  readonly icon: IconName;
  /** What is not the first to be seen is loaded when it is. */
  readonly content: { readonly now: Content } | { readonly later: () => Promise<Content> };
}

const VIEWS: readonly View[] = [
  { word: 'recognise', title: 'Recognise', icon: 'recognise', content: { now: RecogniseView } },
  {
    word: 'people',
    title: 'People',
    icon: 'people',
    content: { later: async () => (await import('./people/people-view.tsx')).PeopleView },
  },
  {
    word: 'fleet',
    title: 'Fleet',
    icon: 'fleet',
    content: { later: async () => (await import('./fleet/fleet-view.tsx')).FleetView },
  },
  {
    word: 'jobs',
    title: 'Jobs',
    icon: 'jobs',
    content: { later: async () => (await import('./jobs/jobs-view.tsx')).JobsView },
  },
];

export function App() {
  const [word, ...rest] = useRoute();
  const view = VIEWS.find((one) => one.word === word) ?? VIEWS[0]!;
  useEffect(() => {
    document.title = `${view.title} · Facefleet`;
  }, [view]);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <header class="top">
        <a class="brand" href="#/recognise">
          <img src="/ui/icon.svg" alt="" width="28" height="28" />
          Facefleet
        </a>
        <nav aria-label="Views">
          {VIEWS.map((one) => (
            <a key={one.word} href={`#/${one.word}`} aria-current={one === view ? 'page' : undefined}>
              <Icon name={one.icon} />
              <span>{one.title}</span>
            </a>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <Shown key={view.word} view={view} rest={rest} />
      </main>
      <Notices />
      <KeyDialog />
    </>
  );
}

function Shown({ view, rest }: { view: View; rest: readonly string[] }) {
  const { content } = view;
  const [Content, setContent] = useState(() => ('now' in content ? content.now : undefined));
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    if ('later' in content) content.later().then((loaded) => setContent(() => loaded), setError);
  }, [content]);
  if (error !== undefined) return <Failure error={error} onRetry={() => location.reload()} />;
  return Content === undefined ? <Skeleton lines={6} /> : <Content rest={rest} />;
}
