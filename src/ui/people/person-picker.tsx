import { useId, useState } from 'preact/hooks';

import { count } from '../kit/format.ts';
import { useLoad, useSettled } from '../kit/hooks.ts';
import { NoImage, StoredImage } from '../kit/stored-image.tsx';
import { listPeople, type Person } from './people-api.ts';

const SHOWN = 8;
const SETTLE_MS = 150;

export interface PersonPickerProps {
  readonly label: string;
  /** Not to be chosen. */
  readonly exceptId: string;
  readonly chosen: Person | undefined;
  readonly onChoose: (person: Person) => void;
}

/** One of the people, found by typing a part of their name. */
export function PersonPicker({ label, exceptId, chosen, onChoose }: PersonPickerProps) {
  const [search, setSearch] = useState('');
  const settled = useSettled(search.trim(), SETTLE_MS);
  const { value } = useLoad(settled, (signal) => listPeople({ search: settled, limit: SHOWN + 1 }, signal));
  const people = (value?.people ?? []).filter(({ id }) => id !== exceptId).slice(0, SHOWN);
  const name = useId();
  return (
    <div class="stack">
      <label class="field">
        {label}
        <input
          type="search"
          value={search}
          placeholder="Search by name"
          autocomplete="off"
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      </label>
      <fieldset class="picker">
        <legend class="visually-hidden">{label}</legend>
        {people.map((person) => (
          <label key={person.id} class="pick">
            <input
              type="radio"
              name={name}
              checked={person.id === chosen?.id}
              onChange={() => onChoose(person)}
            />
            <span class="pick-face">
              {person.thumbnail === null ? <NoImage /> : <StoredImage path={person.thumbnail} alt="" />}
            </span>
            <bdi class="pick-name">{person.name}</bdi>
            <span class="hint">{count(person.faces, 'face')}</span>
          </label>
        ))}
        {value !== undefined && people.length === 0 && <p class="hint">Nobody of that name.</p>}
      </fieldset>
    </div>
  );
}
