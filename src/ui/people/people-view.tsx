import { useEffect, useRef, useState } from 'preact/hooks';

import { useMay } from '../access.ts';
import { messageOf } from '../api.ts';
import { count } from '../kit/format.ts';
import { useLoad, useSettled } from '../kit/hooks.ts';
import { Icon } from '../kit/icons.tsx';
import { tellProblem } from '../kit/notices.tsx';
import { Empty, Failure, Skeleton } from '../kit/states.tsx';
import { NoImage, StoredImage } from '../kit/stored-image.tsx';
import { AddPerson } from './add-person.tsx';
import { listPeople, type PeoplePage, type Person } from './people-api.ts';
import { PersonView } from './person-view.tsx';

const PAGE_SIZE = 96;
const SETTLE_MS = 150;

/** Everybody who is known, or one of them. */
export function PeopleView({ rest: [personId] }: { rest: readonly string[] }) {
  return personId === undefined ? <PeopleGrid /> : <PersonView key={personId} id={personId} />;
}

function PeopleGrid() {
  const [search, setSearch] = useState('');
  const [isAdding, setIsAdding] = useState(false);
  const settled = useSettled(search.trim(), SETTLE_MS);
  const { value, error, reload } = useLoad(settled, async (signal) => ({
    ...(await listPeople({ search: settled, limit: PAGE_SIZE }, signal)),
    // While another search is under way, this is still what the last one found.
    search: settled,
  }));
  const mayEnrol = useMay('enrol');
  const isNobody = value?.total === 0;
  return (
    <div class="view">
      <div class="view-head">
        <h1>
          People{' '}
          {value !== undefined && !isNobody && <span class="total">{value.total.toLocaleString('en')}</span>}
        </h1>
        <div class="row">
          <label class="search">
            <span class="visually-hidden">Search people</span>
            <Icon name="search" />
            <input
              type="search"
              value={search}
              placeholder="Search by name"
              onInput={(event) => setSearch(event.currentTarget.value)}
            />
          </label>
          {mayEnrol && (
            <button type="button" class="primary" onClick={() => setIsAdding(true)}>
              <Icon name="plus" />
              Add person
            </button>
          )}
        </div>
      </div>
      {error !== undefined && <Failure error={error} onRetry={reload} />}
      {value === undefined && error === undefined && <Skeleton lines={5} />}
      {isNobody && <Nobody />}
      {value !== undefined && !isNobody && (
        <Pages key={`${value.search} ${value.total}`} first={value} search={value.search} />
      )}
      {isAdding && (
        <AddPerson
          onClose={() => {
            setIsAdding(false);
            reload();
          }}
        />
      )}
    </div>
  );
}

function Nobody() {
  if (!useMay('enrol')) {
    return (
      <div class="panel">
        <Empty icon="people" title="Nobody is known yet">
          <p>Whoever may change people can add some.</p>
        </Empty>
      </div>
    );
  }
  return (
    <div class="panel">
      <Empty icon="people" title="Nobody is known yet">
        <p>
          Add a person with a few pictures of them: different days, different light. One is enough to begin
          with. Or <a href="#/recognise">drop a group picture</a> and name the faces on it.
        </p>
        <p class="hint">
          From a terminal: <code>npx facefleet enroll people/</code>, a folder per person.
        </p>
      </Empty>
    </div>
  );
}

/** What was found, and further pages as one scrolls on. */
function Pages({ first, search }: { first: PeoplePage; search: string }) {
  const [more, setMore] = useState<{ people: readonly Person[]; cursor: string | undefined }>({
    people: [],
    cursor: first.nextCursor,
  });
  useEffect(() => setMore({ people: [], cursor: first.nextCursor }), [first]);
  const people = [...first.people, ...more.people];
  const isLoading = useRef(false);
  const newest = useRef(first);
  newest.current = first;
  const loadMore = async () => {
    if (isLoading.current) return;
    isLoading.current = true;
    try {
      const query = { search, limit: PAGE_SIZE, cursor: more.cursor ?? '' };
      const page = await listPeople(query, AbortSignal.timeout(30_000));
      if (newest.current === first) {
        setMore({ people: [...more.people, ...page.people], cursor: page.nextCursor });
      }
    } catch (error) {
      tellProblem(messageOf(error));
    }
    isLoading.current = false;
  };
  if (people.length === 0) {
    return (
      <div class="panel">
        <Empty icon="search" title={`Nobody is called “${search}”`}>
          <p>Every word of the search has to be in the name, in any order.</p>
        </Empty>
      </div>
    );
  }
  return (
    <>
      <ul class="people">
        {people.map((person) => (
          <li key={person.id}>
            <Card person={person} />
          </li>
        ))}
      </ul>
      {more.cursor !== undefined && <More key={more.cursor} onMore={() => void loadMore()} />}
    </>
  );
}

/** Clicks itself when it is about to come into sight. */
function More({ onMore }: { onMore: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(onMore);
  latest.current = onMore;
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) latest.current();
      },
      { rootMargin: '600px' },
    );
    observer.observe(button.current!);
    return () => observer.disconnect();
  }, []);
  return (
    <button ref={button} type="button" class="more-people" onClick={onMore}>
      Show more
    </button>
  );
}

function Card({ person: { id, name, faces, thumbnail } }: { person: Person }) {
  return (
    <a class="card" href={`#/people/${id}`}>
      <span class="card-face">
        {thumbnail === null ? <NoImage /> : <StoredImage path={thumbnail} alt="" />}
      </span>
      <strong dir="auto" title={name}>
        {name}
      </strong>
      <span class="hint">{faces === 0 ? 'no faces yet' : count(faces, 'face')}</span>
    </a>
  );
}
