import { useEffect, useState } from 'preact/hooks';

import { Icon } from './icons.tsx';

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly isBad: boolean;
}

const SHOWN_MS = 5000;
let lastId = 0;
let show: (notice: Notice) => void = () => undefined;

/** Says for a few seconds, also to screen readers, what has been done. */
export function tell(text: string): void {
  show({ id: ++lastId, text, isBad: false });
}

/** Says what went wrong. */
export function tellProblem(text: string): void {
  show({ id: ++lastId, text, isBad: true });
}

/** Where notices appear; once in the page. */
export function Notices() {
  const [notices, setNotices] = useState<readonly Notice[]>([]);
  useEffect(() => {
    const timers = new Set<ReturnType<typeof setTimeout>>();
    show = (notice) => {
      setNotices((before) => [...before.slice(-2), notice]);
      const drop = () => setNotices((before) => before.filter(({ id }) => id !== notice.id));
      timers.add(setTimeout(drop, SHOWN_MS));
    };
    return () => {
      for (const timer of timers) clearTimeout(timer);
    };
  }, []);
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.map(({ id, text, isBad }) => (
        <p key={id} class={isBad ? 'notice bad' : 'notice'}>
          <Icon name={isBad ? 'warning' : 'check'} />
          {text}
        </p>
      ))}
    </div>
  );
}
