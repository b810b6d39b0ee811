import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { type Access, accessState, loadAccess, may } from './access.ts';
import { apiKey } from './api.ts';
import { useRoute } from './kit/hooks.ts';
import { Icon, type IconName } from './kit/icons.tsx';
import { KeyButton, KeyDialog } from './kit/key-dialog.tsx';
import { Notices } from './kit/notices.tsx';
import { Empty, Failure, Skeleton } from './kit/states.tsx';
import { useStore } from './kit/store.ts';
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
  /** It shows what belongs to no gallery. */
  readonly isOfAll?: boolean;
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
    isOfAll: true,
    content: { later: async () => (await import('./fleet/fleet-view.tsx')).FleetView },
  },
  {
    word: 'jobs',
    title: 'Jobs',
    icon: 'jobs',
    isOfAll: true,
    content: { later: async () => (await import('./jobs/jobs-view.tsx')).JobsView },
  },
];

export function App() {
  const [word, ...rest] = useRoute();
  const { known, problem } = useStore(accessState);
  const key = useStore(apiKey);
  const views = VIEWS.filter(({ isOfAll }) => known === undefined || known.gallery === null || !isOfAll);
  const view = views.find((one) => one.word === word) ?? VIEWS[0]!;
  useEffect(() => void loadAccess(), []);
  useArrival([view.word, ...rest].join('/'));
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
          {views.map((one) => (
            <a key={one.word} href={`#/${one.word}`} aria-current={one === view ? 'page' : undefined}>
              <Icon name={one.icon} />
              <span>{one.title}</span>
            </a>
          ))}
        </nav>
        <KeyButton />
      </header>
      <main id="main" tabIndex={-1}>
        {known === undefined && !(problem === undefined && 'now' in view.content) ? (
          <Outside problem={problem} />
        ) : known === undefined || may(known, 'recognise') ? (
          <Shown key={`${view.word} ${key}`} view={view} rest={rest} />
        ) : (
          <TooLittle access={known} />
        )}
      </main>
      <Notices />
      <KeyDialog />
    </>
  );
}

/** Whoever comes to another place begins at its top, with the keyboard too where what had the focus is no more. */
function useArrival(place: string): void {
  const before = useRef(place);
  useEffect(() => {
    if (before.current === place) return;
    before.current = place;
    scrollTo(0, 0);
    if (document.activeElement === document.body) document.getElementById('main')?.focus();
  }, [place]);
}

/** While nobody knows what the user may do. */
function Outside({ problem }: { problem: unknown }) {
  if (problem === undefined) return <Skeleton lines={6} />;
  return (
    <div class="view">
      <h1 class="quiet">Facefleet</h1>
      <Failure error={problem} onRetry={() => location.reload()} />
    </div>
  );
}

function TooLittle({ access: { scopes } }: { access: Access }) {
  return (
    <div class="view panel">
      <h1 class="quiet">Facefleet</h1>
      <Empty icon="key" title="This key does not open the page">
        <p>It may {scopes.join(' and ')}. To see anything here, a key has to be allowed to recognise, too.</p>
      </Empty>
    </div>
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
