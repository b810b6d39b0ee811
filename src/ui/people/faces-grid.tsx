import { dayAndTime } from '../kit/format.ts';
import { Badge } from '../kit/states.tsx';
import { StoredImage } from '../kit/stored-image.tsx';
import type { EnrolledFace, Person } from './people-api.ts';

interface FacesGridProps {
  readonly person: Person;
  readonly faces: readonly EnrolledFace[];
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
}

/** Every enrolled face, to be ticked. */
export function FacesGrid({ person, faces, chosen, onChoose }: FacesGridProps) {
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChoose(next);
  };
  return (
    <ul class="faces-grid">
      {faces.map((face, index) => (
        <li key={face.id}>
          <label class={`face-card${chosen.has(face.id) ? ' chosen' : ''}`}>
            <StoredImage path={face.thumbnail} alt="" />
            <span class="face-card-text">
              <input
                type="checkbox"
                checked={chosen.has(face.id)}
                aria-label={`Face ${index + 1} of ${person.name}, from ${face.source ?? 'a picture'}`}
                onChange={() => toggle(face.id)}
              />
              <span class="face-source">
                <span class="file-name">{face.source ?? 'picture'}</span>
                <span class="hint" title={dayAndTime(face.addedAt)}>
                  {Math.round(face.sizePx)} px
                </span>
              </span>
            </span>
            {face.role === 'counterexample' && <Badge tone="warn">not {person.name}</Badge>}
          </label>
        </li>
      ))}
    </ul>
  );
}
