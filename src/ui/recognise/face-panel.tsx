import { useEffect, useRef } from 'preact/hooks';

import type { FaceResult } from '../../jobs/job.ts';
import type { FaceQuality } from '../../recognition/types.ts';
import { useMay } from '../access.ts';
import { similarity } from '../kit/format.ts';
import { Badge, Bar, type Tone } from '../kit/states.tsx';
import { Introduction } from './introduction.tsx';
import type { AskedPicture } from './session.ts';

export interface FacePanelProps {
  readonly picture: AskedPicture;
  readonly face: FaceResult;
  readonly index: number;
  /** Of the picture. */
  readonly url: string;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

/** All that is known of one face, and where an unknown one gets its name. */
export function FacePanel({ picture, face, index, url, isChosen, onChoose }: FacePanelProps) {
  const given = picture.named[index];
  const name = given?.name ?? face.person?.name;
  const mayEnrol = useMay('enrol');
  return (
    <li class={`panel face${isChosen ? ' chosen' : ''}`} onFocusCapture={onChoose}>
      <Crop url={url} face={face} />
      <div class="face-facts">
        <h3>
          <span class="ordinal">{index + 1}</span>
          <bdi>{name ?? 'Unknown'}</bdi>
          {given !== undefined && <Badge tone="good">introduced</Badge>}
        </h3>
        <Verdict face={face} isIntroduced={given !== undefined} />
        {mayEnrol && (name === undefined || given !== undefined) ? (
          <Introduction picture={picture} index={index} given={given} />
        ) : null}
        <Candidates face={face} />
        <Quality quality={face.quality} />
      </div>
    </li>
  );
}

/** How alike the best person is, against what was asked for. */
function Verdict({ face, isIntroduced }: { face: FaceResult; isIntroduced: boolean }) {
  const { similarity: best, threshold, margin, person } = face;
  if (isIntroduced) return <p class="hint">Will be recognised from now on.</p>;
  if (best === null) return <p class="hint">Nobody has been introduced yet.</p>;
  const closest = person === null ? face.candidates[0] : undefined;
  return (
    <div class="verdict">
      <Bar share={best} tone={person === null ? 'calm' : 'good'} mark={threshold ?? undefined} />
      <p>
        {person === null ? 'Most alike' : 'Similarity'}
        {closest !== undefined && ` ${closest.name},`} <strong>{similarity(best)}</strong>
        {threshold !== null && <span class="hint"> of {similarity(threshold)} needed</span>}
        {margin !== null && <span class="hint"> · {similarity(margin)} ahead of the next</span>}
      </p>
    </div>
  );
}

function Candidates({ face: { candidates } }: { face: FaceResult }) {
  if (candidates.length < 2) return null;
  return (
    <details class="more">
      <summary>{candidates.length} candidates</summary>
      <ol class="candidates">
        {candidates.map(({ personId, name, similarity: alike }) => (
          <li key={personId}>
            <a href={`#/people/${personId}`} dir="auto">
              {name}
            </a>
            <Bar share={alike} tone="accent" />
            <span>{similarity(alike)}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}

function Quality({ quality }: { quality: FaceQuality }) {
  const { overall, sizePx, sharpness, yawDegrees, rollDegrees } = quality;
  const [tone, word] = gradeOf(overall);
  return (
    <details class="more">
      <summary>
        Quality <Badge tone={tone}>{word}</Badge>
      </summary>
      <dl class="quality">
        <Figure name="overall" value={overall.toFixed(2)} />
        <Figure name="width" value={`${Math.round(sizePx)} px`} />
        <Figure name="sharpness" value={String(Math.round(sharpness))} />
        <Figure name="turned" value={`${Math.round(yawDegrees)}°`} />
        <Figure name="tilted" value={`${Math.round(rollDegrees)}°`} />
      </dl>
    </details>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** Where recognition stops being likely, and where enrolment stops being wise. */
function gradeOf(overall: number): [Tone, string] {
  if (overall < 0.3) return ['bad', 'poor'];
  if (overall < 0.5) return ['warn', 'fair'];
  return ['good', 'good'];
}

const CROP_PX = 128;
/** Some room around the face. */
const CROP_OVER_FACE = 1.5;

function Crop({ url, face }: { url: string; face: FaceResult }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const image = new Image();
    image.onload = () => drawCrop(canvas.current, image, face);
    image.src = url;
    return () => {
      image.onload = null;
    };
  }, [url, face]);
  return <canvas ref={canvas} class="crop" width={CROP_PX} height={CROP_PX} />;
}

function drawCrop(canvas: HTMLCanvasElement | null, image: HTMLImageElement, { box }: FaceResult): void {
  const side = Math.max(box.width, box.height) * CROP_OVER_FACE;
  const left = box.x + box.width / 2 - side / 2;
  const top = box.y + box.height / 2 - side / 2;
  canvas?.getContext('2d')?.drawImage(image, left, top, side, side, 0, 0, CROP_PX, CROP_PX);
}
