/** Strokes on a grid of 24. */
const PATHS = {
  recognise:
    'M4 8V5.5A1.5 1.5 0 0 1 5.5 4H8M16 4h2.500A1.5 1.5 0 0 1 20 5.500V8M20 16v2.500a1.5 1.5 0 0 1-1.500 1.500H16M8 20H5.500A1.5 1.5 0 0 1 4 18.500V16M9 10v.5M15 10v.5M8.500 14.500a4.500 4.500 0 0 0 7 0',
  people:
    'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7ZM2.500 20a6.500 6.500 0 0 1 13 0M16 4.200a3.500 3.500 0 0 1 0 6.600M18 14.300a6.500 6.500 0 0 1 3.500 5.700',
  fleet: 'M4 6h16v4H4zM4 14h16v4H4zM7.500 8h.01M7.500 16h.01',
  jobs: 'M9 6h11M9 12h11M9 18h11M4.500 6h.01M4.500 12h.01M4.500 18h.01',
  upload:
    'M12 16V5M7.500 9 12 4.500 16.500 9M4.500 16v2.500A1.500 1.500 0 0 0 6 20h12a1.500 1.500 0 0 0 1.500-1.500V16',
  camera:
    'M4 8.500A1.500 1.500 0 0 1 5.500 7H8l1.500-2.500h5L16 7h2.500A1.500 1.500 0 0 1 20 8.500v9a1.500 1.500 0 0 1-1.500 1.500h-13A1.500 1.500 0 0 1 4 17.500ZM12 16a3.200 3.200 0 1 0 0-6.400 3.200 3.200 0 0 0 0 6.400Z',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.500 10 17.500 19.500 7',
  warning: 'M12 4 2.800 19.500h18.400ZM12 10v4.500M12 17.200v.01',
  trash: 'M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.400L17 7M10.500 11v5M13.500 11v5',
  merge: 'M7 4v4c0 4 5 4 5 8v4M17 4v4c0 4-5 4-5 8',
  move: 'M4 12h14M13 7l5 5-5 5',
  plus: 'M12 5v14M5 12h14',
  search: 'M10.500 17a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13ZM15.500 15.500 20 20',
  play: 'M8 5.500v13l10.500-6.500Z',
  stop: 'M7 7h10v10H7z',
  up: 'M12 19V6M6.500 11 12 5.500 17.500 11',
  down: 'M12 5v13M6.500 13l5.500 5.500 5.500-5.500',
  again: 'M19 5v5h-5M5 19v-5h5M18.500 10A7 7 0 0 0 6.200 7.500M5.500 14a7 7 0 0 0 12.300 2.500',
  back: 'M19 12H6M11 6.500 5.500 12l5.500 5.500',
  edit: 'M5 19l1-4L16.500 4.500l3 3L9 18ZM14.500 6.500l3 3',
  key: 'M14.500 13.500a4.500 4.500 0 1 0-4.200-2.800L4 17v3h3v-2h2v-2h2l1.700-1.700a4.500 4.500 0 0 0 1.800-.8ZM15.500 8.500h.01',
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration beside words that say the same. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
