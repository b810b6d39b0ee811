import { useRef, useState } from 'preact/hooks';
import { count, duration } from '../kit/format.ts';
import { useNow, useObjectUrl } from '../kit/hooks.ts';
import { Icon } from '../kit/icons.tsx';
import { Failure } from '../kit/states.tsx';
import { BoxedPicture } from './boxed-picture.tsx';
import { FacePanel } from './face-panel.tsx';
import { type AskedPicture, askAgain } from './session.ts';
import { Stages } from './stages.tsx';

/** One picture with its faces drawn on it, and a panel for each. */
export function PictureReport({ picture }: { picture: AskedPicture }) {
  const url = useObjectUrl(picture.file);
  const [chosen, setChosen] = useState<number>();
  const panels = useRef<HTMLOListElement>(null);
  const { result } = picture;
  const choose = (face: number) => {
    setChosen(face);
    panels.current?.children[face]?.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  };
  return (
    <article class="report" aria-label={`Result for ${picture.file.name}`}>
      <div class="report-picture">
        <BoxedPicture picture={picture} url={url} chosen={chosen} onChoose={choose} />
        <p class="caption">
          <span class="file-name">{picture.file.name || 'pasted picture'}</span>
          {result !== undefined && (
            <span>
              {result.picture.width} × {result.picture.height}
            </span>
          )}
        </p>
        {result !== undefined && <Stages result={result} tookMs={picture.tookMs ?? 0} />}
      </div>
      <div class="report-faces">
        <Headline picture={picture} />
        {result !== undefined && url !== undefined && (
          <ol class="faces" ref={panels}>
            {result.faces.map((face, index) => (
              <FacePanel
                key={index}
                picture={picture}
                face={face}
                index={index}
                url={url}
                isChosen={index === chosen}
                onChoose={() => setChosen(index)}
              />
            ))}
          </ol>
        )}
      </div>
    </article>
  );
}

function Headline({ picture }: { picture: AskedPicture }) {
  if (picture.state === 'waiting') return <p role="status">Waiting for the pictures before it …</p>;
  if (picture.state === 'asking') return <Waiting since={picture.askedAt} />;
  if (picture.state === 'failed') {
    return <Failure error={picture.problem} onRetry={() => askAgain(picture)} />;
  }
  const { faces, facesCut } = picture.result!;
  return (
    <div class="headline" role="status">
      <h2>{faces.length === 0 ? 'No face in this picture' : count(faces.length, 'face')}</h2>
      {facesCut > 0 && (
        <p class="hint">{count(facesCut, 'smaller face was', 'smaller faces were')} left out.</p>
      )}
      {faces.length === 0 && (
        <p class="hint">Faces from about 20 pixels are found, seen from the front or half from the side.</p>
      )}
      <button type="button" class="plain small" onClick={() => askAgain(picture)}>
        <Icon name="again" />
        Ask again
      </button>
    </div>
  );
}

/** After this long the first worker should have been there. */
const LONG_MS = 1500;

function Waiting({ since }: { since: number }) {
  const passed = useNow(200) - since;
  return (
    <div class="waiting" role="status">
      <span class="spinner" aria-hidden="true" />
      <p>
        {passed < LONG_MS ? 'Looking for faces …' : `Still waiting, for ${duration(passed)} …`}
        {passed >= LONG_MS && (
          <span class="hint">
            Workers start when pictures come. <a href="#/fleet">See the fleet</a>
          </span>
        )}
      </p>
    </div>
  );
}
