import { type EChartsOption, init } from 'echarts';
import type { Result } from './report.js';

/** A legend and the chart as SVG, once for wide and once for narrow windows, of which style sheets hide one. */
export type Chart = string;

/** The parts of a training run that the charts show. */
export type Curves = Pick<Result['contestant'], 'name' | 'validation' | 'run'>;

/** Number of line colors that the style sheet defines. */
export const COLORS = 7;
/** Pixels. A chart is shown at about its own size, so that its text keeps the size of the text around it. */
const SIZES = {
  wide: { width: 860, height: 320, fontSize: 13, left: 62, ticks: 6 },
  narrow: { width: 360, height: 250, fontSize: 12, left: 48, ticks: 3 },
} as const;
/** Symbols of the two networks' dots; the style sheet draws the same ones in legends. */
const DOTS = ['circle', 'diamond'] as const;
/** Positive, so that a logarithmic axis can show zero statistics. */
const MIN_STATISTIC = 1e-6;

/** The loss of both networks: lines for training images, dots for validation images. */
export function lossChart(networks: readonly Curves[]): Chart {
  return curves('Loss over the epochs', networks, 1, { type: 'log', axisLabel: { formatter: short } }, 1);
}

export function accuracyChart(networks: readonly Curves[]): Chart {
  const yAxis = { type: 'value', max: 100, scale: true, axisLabel: { formatter: '{value} %' } } as const;
  return curves('Accuracy over the epochs', networks, 2, yAxis, 100);
}

function curves(
  title: string,
  networks: readonly Curves[],
  column: number,
  yAxis: NonNullable<EChartsOption['yAxis']>,
  unit: number,
): Chart {
  const lines = networks.flatMap(({ name, run, validation }, i): Line[] => {
    const points = (rows: readonly (readonly number[])[]) =>
      rows
        // An axis cannot show diverged values.
        .filter((row) => Number.isFinite(row[column]))
        .map((row) => [row[0] / run.stepsPerEpoch, unit * row[column]]);
    return [
      { name: `${name}, training`, color: i, symbol: 'none', points: points(run.curve.rows) },
      { name: `${name}, validation`, color: i, symbol: DOTS[i], points: points(validation.rows) },
    ];
  });
  return chart(title, networks[0].run.epochs, yAxis, lines);
}

/**
 * One line for each batch norm layer.
 * @param first The column of the first layer.
 */
export function statisticsChart(
  title: string,
  { run }: Curves,
  layers: readonly string[],
  first: number,
): Chart {
  const lines = layers.map((name, i): Line => {
    const points = run.curve.rows.map((row) => [
      row[0] / run.stepsPerEpoch,
      Math.max(row[first + i], MIN_STATISTIC),
    ]);
    return { name, color: i % COLORS, symbol: 'none', points };
  });
  return chart(title, run.epochs, { type: 'log', axisLabel: { formatter: short } }, lines);
}

interface Line {
  readonly name: string;
  readonly color: number;
  readonly symbol: 'none' | (typeof DOTS)[number];
  readonly points: readonly (readonly number[])[];
}

function chart(
  title: string,
  epochs: number,
  yAxis: NonNullable<EChartsOption['yAxis']>,
  lines: readonly Line[],
): Chart {
  const items = lines.map(
    ({ name, color, symbol }) =>
      `<li><i class="${symbol}" style="--color: var(--line-${color})"></i>${name}</li>`,
  );
  const drawings = Object.entries(SIZES).map(
    ([name, size]) => `<div class="${name}">${draw(epochs, yAxis, lines, size)}</div>`,
  );
  return `<ul class="legend">${items.join('')}</ul>
<div class="chart" role="img" aria-label="${title}">${drawings.join('\n')}</div>`;
}

/** Renders in this process, without a browser. Colors are variables of the page's style sheet. */
function draw(
  epochs: number,
  yAxis: NonNullable<EChartsOption['yAxis']>,
  lines: readonly Line[],
  { width, height, fontSize, left, ticks }: (typeof SIZES)[keyof typeof SIZES],
): string {
  const axis = {
    axisLine: { show: true, lineStyle: { color: 'var(--muted)' } },
    axisTick: { show: true, lineStyle: { color: 'var(--muted)' } },
    splitLine: { show: true, lineStyle: { color: 'var(--rule)' } },
    nameTextStyle: { color: 'var(--muted)', fontSize },
  };
  const label = { color: 'var(--muted)', fontSize };
  const given = Array.isArray(yAxis) ? yAxis[0] : yAxis;
  const drawing = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    drawing.setOption({
      animation: false,
      textStyle: { fontFamily: 'system-ui, sans-serif' },
      grid: { left, right: 14, top: 14, bottom: 48 },
      xAxis: {
        ...axis,
        type: 'value',
        name: 'epochs',
        nameLocation: 'middle',
        nameGap: 28,
        max: epochs,
        splitNumber: ticks,
        axisLabel: label,
      },
      yAxis: { ...axis, ...given, axisLabel: { ...label, ...given.axisLabel } },
      series: lines.map(({ name, color, symbol, points }) => ({
        name,
        type: 'line',
        symbol,
        symbolSize: 9,
        // Dashes join the dots of validation, which has few.
        lineStyle: { width: 1.8, type: symbol === 'none' ? 'solid' : 'dashed' },
        color: `var(--line-${color})`,
        // Otherwise lines turn black under the mouse.
        silent: true,
        emphasis: { disabled: true },
        data: points,
      })),
    } as EChartsOption);
    return drawing.renderToSVGString();
  } finally {
    drawing.dispose();
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(2)));
}
