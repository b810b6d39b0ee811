import type { RefObject } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import UPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import { clockTime } from '../kit/format.ts';

/** Seconds that a chart looks back. */
const WINDOW_SECONDS = 180;
const HEIGHT_PX = 170;
/** Between two lines of the scale: nothing here is told in halves. */
const WHOLE_STEPS = [
  1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000,
];

export interface Series {
  readonly label: string;
  /** Name of a colour of the page: `accent` stands for `--accent`. */
  readonly color: string;
  /** One for each time; null where nothing was told. */
  readonly values: readonly (number | null)[];
  readonly isFilled?: boolean;
  readonly isDashed?: boolean;
}

export interface ChartProps {
  readonly title: string;
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  /** Areas that stand on each other come first, the topmost first of all. */
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** The scale reaches at least so far. */
  readonly leastTop: number;
  readonly isStepped?: boolean;
  /** What the legend shows, where that is not the last value of the line. */
  readonly shown?: readonly (number | null)[];
}

/** Lines over the last minutes, with a legend that tells the newest values. */
export function Chart({ title, times, series, format, leastTop, isStepped = false, shown }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);
  const scheme = useColorScheme();
  const shape = series.map(({ label, color }) => `${label} ${color}`).join();
  const latest = useRef({ series, format, leastTop, isStepped });
  latest.current = { series, format, leastTop, isStepped };

  useEffect(() => {
    const element = host.current!;
    const made = new UPlot(optionsOf(element, latest.current), [[]], element);
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [shape, scheme]);

  const isInSight = useIsInSight(host);
  useEffect(() => {
    // Drawing is most of what the page costs its machine: what nobody sees is drawn when somebody does.
    if (!isInSight) return;
    const values = series.map((one) => [...one.values]);
    plot.current?.setData([[...times], ...values] as UPlot.AlignedData);
  }, [times, series, shape, scheme, isInSight]);

  const values = series.map((one, index) => (shown ?? [])[index] ?? one.values.at(-1) ?? null);
  const told = (value: number | null) => (value === null ? '–' : format(value));
  const summary = series.map(({ label }, index) => `${label} ${told(values[index]!)}`).join(', ');
  return (
    <figure class="chart panel">
      <figcaption>
        <h2>{title}</h2>
        <ul class="legend">
          {series.map(({ label, color }, index) => (
            <li key={label}>
              <span class={`swatch ${color}`} aria-hidden="true" />
              {label} <strong class="figure">{told(values[index]!)}</strong>
            </li>
          ))}
        </ul>
      </figcaption>
      <div
        ref={host}
        class="chart-host"
        role="img"
        aria-label={`${title}, last three minutes. Now: ${summary}`}
      />
    </figure>
  );
}

type Look = Pick<ChartProps, 'series' | 'format' | 'leastTop'> & { readonly isStepped: boolean };

function optionsOf(element: HTMLElement, { series, format, leastTop, isStepped }: Look): UPlot.Options {
  const [muted, line] = [colorOf(element, 'muted'), colorOf(element, 'line')];
  const axis = {
    stroke: muted,
    font: '12px system-ui, sans-serif',
    ticks: { show: false },
    grid: { stroke: line, width: 1 },
  };
  const steps = UPlot.paths.stepped?.({ align: 1 });
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { show: false },
    // A time is written under its middle: half of it needs room at the right.
    padding: [8, 28, 0, 0],
    scales: {
      x: { time: true, range: () => [Date.now() / 1000 - WINDOW_SECONDS, Date.now() / 1000] },
      y: { range: (_, _low, high) => [0, Math.max(leastTop, (high ?? 0) * 1.1)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 70,
        size: 26,
        values: (_, ticks) => ticks.map((seconds) => clockTime(seconds * 1000)),
      },
      { ...axis, size: 54, space: 34, incrs: WHOLE_STEPS, values: (_, ticks) => ticks.map(format) },
    ],
    series: [
      {},
      ...series.map(({ label, color, isFilled, isDashed }): UPlot.Series => {
        const stroke = colorOf(element, color);
        return {
          label,
          stroke,
          width: 2,
          points: { show: false },
          ...(isFilled
            ? { fill: isStepped ? stroke : `color-mix(in srgb, ${stroke} 18%, transparent)` }
            : {}),
          ...(isDashed ? { dash: [5, 4] } : {}),
          ...(isStepped && steps !== undefined ? { paths: steps } : {}),
        };
      }),
    ],
  };
}

/**
 * A canvas knows no variables of style sheets: the browser resolves them on an element. On one that was just made, since another one's
 * colour may be on its way from what it was.
 */
function colorOf(element: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function useIsInSight(host: RefObject<HTMLElement | null>): boolean {
  const [isInSight, setIsInSight] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setIsInSight(entries.at(-1)!.isIntersecting), {
      rootMargin: '100px',
    });
    observer.observe(host.current!);
    return () => observer.disconnect();
  }, [host]);
  return isInSight;
}

function useColorScheme(): boolean {
  const query = useMemo(() => matchMedia('(prefers-color-scheme: dark)'), []);
  const [isDark, setIsDark] = useState(query.matches);
  useEffect(() => {
    const onChange = () => setIsDark(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, [query]);
  return isDark;
}
