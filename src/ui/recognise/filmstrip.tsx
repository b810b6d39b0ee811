import { useObjectUrl } from '../kit/hooks.ts';
import { Icon } from '../kit/icons.tsx';
import { type AskedPicture, clear, show } from './session.ts';

/** The pictures asked about so far, to go back to. */
export function Filmstrip(props: { pictures: readonly AskedPicture[]; shownId: number | undefined }) {
  const { pictures, shownId } = props;
  return (
    <section class="filmstrip" aria-label="Pictures of this visit">
      <ul>
        {pictures.map((picture) => (
          <li key={picture.id}>
            <Frame picture={picture} isShown={picture.id === shownId} />
          </li>
        ))}
      </ul>
      <button type="button" class="plain small" onClick={clear}>
        <Icon name="close" />
        Clear
      </button>
    </section>
  );
}

const STATES = {
  waiting: 'waiting',
  asking: 'being recognised',
  done: 'recognised',
  failed: 'failed',
} as const;

function Frame({ picture, isShown }: { picture: AskedPicture; isShown: boolean }) {
  const url = useObjectUrl(picture.file);
  return (
    <button
      type="button"
      class={`frame ${picture.state}`}
      aria-current={isShown ? 'true' : undefined}
      aria-label={`${picture.file.name}, ${STATES[picture.state]}`}
      onClick={() => show(picture.id)}
    >
      {url !== undefined && <img src={url} alt="" />}
    </button>
  );
}
