import type { FaceResult } from '../../jobs/job.ts';
import { similarity } from '../kit/format.ts';
import type { AskedPicture } from './session.ts';

export interface BoxedPictureProps {
  readonly picture: AskedPicture;
  readonly url: string | undefined;
  readonly chosen: number | undefined;
  readonly onChoose: (face: number) => void;
}

/** The picture with a frame around each face, and the name below it. */
export function BoxedPicture({ picture, url, chosen, onChoose }: BoxedPictureProps) {
  const { result, named, file } = picture;
  const size = result?.picture;
  return (
    <div class="boxed" data-state={picture.state}>
      {url !== undefined && <img src={url} alt={file.name} width={size?.width} height={size?.height} />}
      {size !== undefined &&
        result?.faces.map((face, index) => {
          const name = named[index]?.name ?? face.person?.name;
          return (
            <button
              key={index}
              type="button"
              class={`face-box ${name === undefined ? 'unknown' : 'known'}`}
              aria-pressed={chosen === index}
              aria-label={labelOf(face, index, name)}
              style={placeOf(face, size)}
              onClick={() => onChoose(index)}
            >
              <span class="face-name">{name ?? 'unknown'}</span>
            </button>
          );
        })}
    </div>
  );
}

function labelOf(face: FaceResult, index: number, name: string | undefined): string {
  const sure =
    face.person === null || face.similarity === null ? '' : `, similarity ${similarity(face.similarity)}`;
  return `Face ${index + 1}: ${name ?? 'unknown'}${name === face.person?.name ? sure : ''}`;
}

/** In shares of the picture, so that it follows the picture's size on the screen. */
function placeOf({ box }: FaceResult, size: { width: number; height: number }) {
  const percent = (part: number, whole: number) => `${((part / whole) * 100).toFixed(3)}%`;
  return {
    left: percent(box.x, size.width),
    top: percent(box.y, size.height),
    width: percent(box.width, size.width),
    height: percent(box.height, size.height),
  };
}
