import type { ComponentChildren } from 'preact';

import { dayAndTime } from '../kit/format.ts';
import { Badge } from '../kit/states.tsx';
import { StoredImage } from '../kit/stored-image.tsx';
import type { EnrolledFace, Person } from './people-api.ts';

interface FacesGridProps {
  readonly person: Person;
  readonly faces: readonly EnrolledFace[];
  readonly chosen: ReadonlySet<string>;
  /** Without it nothing can be ticked. */
  readonly onChoose: ((chosen: ReadonlySet<string>) => void) | undefined;
}

/** Every enrolled face, to be ticked where something can be done about it. */
export function FacesGrid({ person, faces, chosen, onChoose }: FacesGridProps) {
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChoose?.(next);
  };
  return (
    <ul class="faces-grid">
      {faces.map((face, index) => {
        const name = `Face ${index + 1} of ${person.name}, from ${face.source ?? 'a picture'}`;
        return (
          <li key={face.id}>
            {onChoose === undefined ? (
              <div class="face-card">
                <FaceFacts face={face} alt={name} person={person} />
              </div>
            ) : (
              <label class={`face-card choosable${chosen.has(face.id) ? ' chosen' : ''}`}>
                <FaceFacts face={face} alt="" person={person}>
                  <input
                    type="checkbox"
                    checked={chosen.has(face.id)}
                    aria-label={name}
                    onChange={() => toggle(face.id)}
                  />
                </FaceFacts>
              </label>
            )}
          </li>
        );
      })}
    </ul>
  );
}

interface FaceFactsProps {
  readonly face: EnrolledFace;
  readonly alt: string;
  readonly person: Person;
  readonly children?: ComponentChildren;
}

function FaceFacts({
  face: { thumbnail, source, addedAt, sizePx, role },
  alt,
  person,
  children,
}: FaceFactsProps) {
  return (
    <>
      <StoredImage path={thumbnail} alt={alt} />
      <span class="face-card-text">
        {children}
        <span class="face-source">
          <bdi class="file-name">{source ?? 'picture'}</bdi>
          <span class="hint" title={dayAndTime(addedAt)}>
            {Math.round(sizePx)} px
          </span>
        </span>
      </span>
      {role === 'counterexample' && <Badge tone="warn">not {person.name}</Badge>}
    </>
  );
}
