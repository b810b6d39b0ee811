import type { Moment } from './plant.ts';

/** A value over time, one for each of as many equal slices as there are. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly seconds: number;
  readonly series: readonly Series[];
}

const SLICES = 400;
const WIDTH = 900;
const HEIGHT = 200;
const MARGIN = { left: 54, right: 12, top: 26, bottom: 26 };
/** Told apart by those who see few colours, too. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#999999'];

/** The highest of each slice of time, so that no peak is lost. */
export function sliced(
  history: readonly Moment[],
  of: (moment: Moment) => number,
  seconds: number,
): number[] {
  const values = new Array<number>(SLICES).fill(0);
  let index = 0;
  let current = 0;
  for (let slice = 0; slice < SLICES; slice++) {
    const until = ((slice + 1) / SLICES) * seconds;
    let most = current;
    while (index < history.length && history[index]!.at < until) {
      current = of(history[index]!);
      most = Math.max(most, current);
      index++;
    }
    values[slice] = most;
  }
  return values;
}

/** Arrivals a second in each slice. */
export function arrivalRates(arrivals: readonly number[], seconds: number): number[] {
  const values = new Array<number>(SLICES).fill(0);
  const width = seconds / SLICES;
  for (const at of arrivals) values[Math.min(SLICES - 1, Math.floor(at / width))]! += 1 / width;
  return values;
}

/** A drawing that stands alone: no style sheet, no script. */
export function svgOf({ title, unit, seconds, series }: Chart): string {
  const top = niceTop(Math.max(1e-9, ...series.flatMap(({ values }) => values)));
  const x = (share: number) => MARGIN.left + share * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number) => HEIGHT - MARGIN.bottom - (value / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const rows = [0, 0.5, 1].map((share) => {
    const at = y(share * top).toFixed(1);
    return `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}" stroke="#ddd"/><text x="${MARGIN.left - 6}" y="${at}" dy="4" text-anchor="end">${Number((share * top).toPrecision(3))}</text>`;
  });
  const [unitSeconds, unitName] = seconds < 180 ? [1, 's'] : [60, 'min'];
  const columns = ticksOf(seconds / unitSeconds).map(
    (tick) =>
      `<text x="${x((tick * unitSeconds) / seconds).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${tick} ${unitName}</text>`,
  );
  const lines = series.map(({ values }, index) => {
    const points = values.map(
      (value, at) => `${x((at + 0.5) / values.length).toFixed(1)},${y(value).toFixed(1)}`,
    );
    return `<polyline fill="none" stroke="${COLOURS[index % COLOURS.length]}" stroke-width="1.4" points="${points.join(' ')}"/>`;
  });
  const legend = series.map(({ name }, index) => {
    const at = MARGIN.left + 250 + (index % 5) * 126;
    const row = 12 + Math.floor(index / 5) * 13;
    return `<text x="${at}" y="${row}" fill="${COLOURS[index % COLOURS.length]}">${escapeText(name)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeText(title)}" font-family="sans-serif" font-size="11" fill="#333">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="14" font-size="13" font-weight="bold">${escapeText(`${title} (${unit})`)}</text>`,
    ...rows,
    ...columns,
    ...lines,
    ...(series.length > 1 ? legend : []),
    '</svg>',
  ].join('\n');
}

export function escapeText(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (sign) => names[sign]!);
}

/** 1, 2 or 5 times a power of ten, and not below. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value - 1e-9) ?? 10 * power;
}

/** Some four round numbers, none so near the end that its text would be cut off. */
function ticksOf(length: number): number[] {
  const step = niceTop(length / 4);
  const count = Math.floor((0.96 * length) / step);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}
