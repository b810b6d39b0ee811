import { useState } from 'preact/hooks';

import type { FaceResult } from '../../jobs/job.ts';
import { similarity } from '../kit/format.ts';
import type { AskedPicture } from './session.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

export interface BoxedPictureProps {
  readonly picture: AskedPicture;
  readonly url: string | undefined;
  readonly chosen: number | undefined;
  readonly onChoose: (face: number) => void;
}

/** The picture with a frame around each face, and the name below it. */
export function BoxedPicture({ picture, url, chosen, onChoose }: BoxedPictureProps) {
  const { result, named, file } = picture;
  const [isBlind, setIsBlind] = useState(false);
  const size = result?.picture;
  return (
    <div
      class={isBlind ? 'boxed blind' : 'boxed'}
      data-state={picture.state}
      style={isBlind ? shapeOf(size) : undefined}
    >
      {url !== undefined && !isBlind && (
        <img
          src={url}
          alt={file.name}
          width={size?.width}
          height={size?.height}
          onError={() => setIsBlind(true)}
        />
      )}
      {isBlind && <p class="hint">This browser cannot show {file.name || 'the picture'}.</p>}
      {size !== undefined &&
        result?.faces.map((face, index) => {
          const name = named[index]?.name ?? face.person?.name;
          return (
            <button
              key={index}
              type="button"
              class={`face-box ${name === undefined ? 'unknown' : 'known'} ${edgesOf(face, size)}`}
              aria-pressed={chosen === index}
              aria-label={labelOf(face, index, name)}
              style={placeOf(face, size)}
              onClick={() => onChoose(index)}
            >
              <span class="face-name" dir="auto">
                {name ?? 'unknown'}
              </span>
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

/** As the picture would stand there, were it shown: its boxes still tell where the faces are. */
function shapeOf(size: Size | undefined) {
  return size && { aspectRatio: `${size.width} / ${size.height}` };
}

/** Where there is no room for the name on the far side of the box: below it, to its left or right. */
function edgesOf({ box }: FaceResult, size: Size): string {
  const [middle, bottom] = [(box.x + box.width / 2) / size.width, (box.y + box.height) / size.height];
  const side = middle < 0.15 ? 'at-left' : middle > 0.85 ? 'at-right' : '';
  return bottom > 0.93 ? `at-bottom ${side}` : side;
}

/** In shares of the picture, so that it follows the picture's size on the screen. */
function placeOf({ box }: FaceResult, size: Size) {
  const percent = (part: number, whole: number) => `${((part / whole) * 100).toFixed(3)}%`;
  return {
    left: percent(box.x, size.width),
    top: percent(box.y, size.height),
    width: percent(box.width, size.width),
    height: percent(box.height, size.height),
  };
}
