import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import { tellProblem } from './notices.tsx';

export interface PictureDropProps {
  readonly onFiles: (files: readonly File[]) => void;
  readonly label: string;
  readonly children?: ComponentChildren;
  /** Files dropped or pasted anywhere on the page are taken too. */
  readonly takesWholePage?: boolean;
  readonly isCompact?: boolean;
}

/** Takes pictures: dropped, pasted, or chosen (a click, or Enter). */
export function PictureDrop({ onFiles, label, children, takesWholePage, isCompact }: PictureDropProps) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setIsOver] = useState(false);
  const id = useId();
  const take = (list: FileList | null | undefined) => {
    const all = [...(list ?? [])];
    const files = all.filter(isPicture);
    if (files.length < all.length) tellProblem(refusalOf(all.filter((file) => !isPicture(file))));
    if (files.length > 0) onFiles(files);
  };
  const latest = useRef(take);
  latest.current = take;
  useEffect(
    () => (takesWholePage ? listenToPage((list) => latest.current(list), setIsOver) : undefined),
    [takesWholePage],
  );
  return (
    <fieldset
      class={`drop${isOver ? ' over' : ''}${isCompact ? ' compact' : ''}`}
      aria-label="Pictures"
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        setIsOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <input
        ref={input}
        id={id}
        class="drop-input"
        type="file"
        accept="image/*"
        multiple
        aria-label={label}
        onChange={(event) => {
          take(event.currentTarget.files);
          event.currentTarget.value = '';
        }}
      />
      <label for={id} class="drop-label">
        {children}
      </label>
    </fieldset>
  );
}

/** The name tells where the browser does not know the type, such as for AVIF on some systems. */
function isPicture({ type, name }: File): boolean {
  return type.startsWith('image/') || /\.(jpe?g|png|webp|avif|gif|tiff?)$/i.test(name);
}

function refusalOf([first, ...others]: readonly File[]): string {
  return others.length === 0
    ? `${first?.name} is not a picture.`
    : `${first?.name} and ${others.length} more are not pictures.`;
}

function listenToPage(
  take: (list: FileList | null | undefined) => void,
  setIsOver: (isOver: boolean) => void,
): () => void {
  const over = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(true);
  };
  const leave = (event: DragEvent) => {
    if (event.relatedTarget === null) setIsOver(false);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setIsOver(false);
    take(event.dataTransfer?.files);
  };
  const paste = (event: ClipboardEvent) => take(event.clipboardData?.files);
  addEventListener('dragover', over);
  addEventListener('dragleave', leave);
  addEventListener('drop', drop);
  addEventListener('paste', paste);
  return () => {
    removeEventListener('dragover', over);
    removeEventListener('dragleave', leave);
    removeEventListener('drop', drop);
    removeEventListener('paste', paste);
  };
}
