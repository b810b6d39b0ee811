import { useState } from 'preact/hooks';
import { Icon } from '../kit/icons.tsx';
import { tellProblem } from '../kit/notices.tsx';
import { PictureDrop } from '../kit/picture-drop.tsx';
import { useStore } from '../kit/store.ts';
import { Camera } from './camera.tsx';
import { Filmstrip } from './filmstrip.tsx';
import { PictureReport } from './picture-report.tsx';
import { ask, session } from './session.ts';

const SAMPLES = [1, 2, 3, 4, 5, 6];

/** Who is on a picture? */
export function RecogniseView() {
  const { pictures, shownId } = useStore(session);
  const [hasCamera, setHasCamera] = useState(false);
  const shown = pictures.find(({ id }) => id === shownId);
  const isFirst = shown === undefined;
  return (
    <div class={isFirst ? 'view narrow' : 'view'}>
      <h1 class={isFirst ? '' : 'quiet'}>Who is on this picture?</h1>
      <div class="ask">
        <PictureDrop onFiles={ask} label="Choose pictures" takesWholePage isCompact={!isFirst}>
          <Icon name="upload" />
          <strong>{isFirst ? 'Drop pictures here, paste, or choose' : 'Another picture'}</strong>
          {isFirst && <span class="hint">JPEG, PNG, WebP, AVIF, GIF or TIFF, up to 15 MB each</span>}
        </PictureDrop>
        <button type="button" class="camera-button" onClick={() => setHasCamera(true)}>
          <Icon name="camera" />
          Camera
        </button>
      </div>
      {isFirst && <Samples />}
      {pictures.length > 1 && <Filmstrip pictures={pictures} shownId={shownId} />}
      {shown !== undefined && <PictureReport key={shown.id} picture={shown} />}
      {hasCamera && (
        <Camera
          onPicture={(file) => {
            setHasCamera(false);
            ask([file]);
          }}
          onClose={() => setHasCamera(false)}
        />
      )}
    </div>
  );
}

/** For those who have no picture at hand. */
function Samples() {
  const take = async (number: number) => {
    try {
      const response = await fetch(`/ui/samples/${number}.jpg`);
      if (!response.ok) throw new Error(`status ${response.status}`);
      ask([new File([await response.blob()], `sample${number}.jpg`, { type: 'image/jpeg' })]);
    } catch {
      tellProblem('The sample picture cannot be fetched. Is the service running?');
    }
  };
  return (
    <section class="samples" aria-labelledby="samples-title">
      <h2 id="samples-title">No picture at hand? Take one of these</h2>
      <ul>
        {SAMPLES.map((number) => (
          <li key={number}>
            <button type="button" class="sample" onClick={() => void take(number)}>
              <img
                src={`/ui/samples/${number}.jpg`}
                alt={`Sample photograph ${number}: a group of people`}
                width="160"
                height="110"
                loading="lazy"
              />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
