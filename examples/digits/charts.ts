import { type EChartsOption, init } from 'echarts';
import { CLASSES, type Images } from './dataset.js';
import type { LayerTime } from './layer-times.js';
import type { Result } from './report.js';

/** A chart as SVG. */
export type Svg = string;

const WIDTH = 940;
const COLOURS = ['#1f6fb4', '#d9682c', '#2f9e60', '#8a5cc2', '#c23b5a', '#7a6a4f', '#4d7f8c'];
/** Symbol of lines in legends. */
const LINE = 'path://M0 9H28V11H0Z';
/** Symbols of the two networks' dots. */
const DOTS = ['circle', 'diamond'];
/** Minimum number of confusions of two digits for the strongest colour. */
const MANY_MISTAKES = 10;
/** Positive, so that a logarithmic axis can show zero statistics. */
const MIN_STATISTIC = 1e-6;

/** The loss of both networks: lines for training images, dots for validation images. */
export function lossChart(results: readonly Result[]): Svg {
  return curves(results, 1, { type: 'log', name: 'loss', axisLabel: { formatter: short } }, (y) => y);
}

export function accuracyChart(results: readonly Result[]): Svg {
  const highest = { max: 100, scale: true, name: 'accuracy, %' };
  return curves(results, 2, { type: 'value', ...highest }, (y) => 100 * y);
}

function curves(
  results: readonly Result[],
  column: number,
  yAxis: NonNullable<EChartsOption['yAxis']>,
  toValue: (y: number) => number,
): Svg {
  const points = (rows: readonly (readonly number[])[], stepsPerEpoch: number) =>
    // An axis cannot show diverged values.
    rows
      .filter((row) => Number.isFinite(row[column]))
      .map((row) => [row[0] / stepsPerEpoch, toValue(row[column])]);
  const legendOf = ({ contestant: { name } }: Result, i: number) => [
    { name: `${name}, training`, icon: LINE },
    { name: `${name}, validation`, icon: DOTS[i] },
  ];
  return draw(330, {
    ...epochAxis,
    legend: { ...epochAxis.legend, data: results.flatMap(legendOf) },
    yAxis,
    series: results.flatMap(({ contestant: { name, run, validation } }, i) => [
      {
        name: `${name}, training`,
        type: 'line' as const,
        symbol: 'none',
        lineStyle: { width: 1.5 },
        color: COLOURS[i],
        data: points(run.curve.rows, run.stepsPerEpoch),
      },
      {
        name: `${name}, validation`,
        type: 'line' as const,
        symbol: DOTS[i],
        symbolSize: 9,
        lineStyle: { width: 1.5, type: 'dashed' as const },
        color: COLOURS[i],
        data: points(validation.rows, run.stepsPerEpoch),
      },
    ]),
  });
}

/**
 * One line for each batch norm layer.
 * @param first The column of the first layer.
 */
export function statisticsChart(
  { contestant: { run } }: Result,
  layers: readonly string[],
  first: number,
  name: string,
): Svg {
  return draw(330, {
    ...epochAxis,
    yAxis: { type: 'log', name, axisLabel: { formatter: short } },
    series: layers.map((layer, i) => ({
      name: layer,
      type: 'line',
      symbol: 'none',
      color: COLOURS[i % COLOURS.length],
      data: run.curve.rows.map((row) => [
        row[0] / run.stepsPerEpoch,
        Math.max(row[first + i], MIN_STATISTIC),
      ]),
    })),
  });
}

/** The confusion matrix: rows are digits, columns predictions. Colours show the number of errors. */
export function confusionChart(predicted: Uint8Array, { labels }: Images): Svg {
  const counts = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
  for (const [i, label] of labels.entries()) counts[label][predicted[i]]++;
  const cells = counts.flatMap((row, digit) =>
    row.map((count, read) => ({
      value: [read, digit, digit === read ? 0 : count],
      label: {
        formatter: String(count),
        ...(digit === read ? { fontWeight: 'bold' as const } : {}),
      },
      ...(digit === read ? { itemStyle: { color: '#dcebdd' } } : {}),
    })),
  );
  const mistakes = cells.map(({ value }) => value[2]);
  const digits = Array.from({ length: CLASSES }, (_, digit) => String(digit));
  const axis = { type: 'category' as const, data: digits, splitArea: { show: true } };
  return draw(
    420,
    {
      grid: { left: 60, right: 20, top: 20, bottom: 50 },
      xAxis: { ...axis, name: 'read as', nameLocation: 'middle', nameGap: 30 },
      yAxis: { ...axis, name: 'digit', nameLocation: 'middle', nameGap: 30, inverse: true },
      visualMap: {
        show: false,
        min: 0,
        max: Math.max(...mistakes, MANY_MISTAKES),
        inRange: { color: ['#ffffff', '#f4b183', '#d94d2c'] },
      },
      series: [{ type: 'heatmap', label: { show: true, color: '#222' }, data: cells }],
    },
    WIDTH / 2,
  );
}

export function timeChart(times: readonly LayerTime[]): Svg {
  const bars = (name: 'forward' | 'backward', color: string) => ({
    name,
    type: 'bar' as const,
    stack: 'time',
    color,
    data: times.map((time) => time[name]),
  });
  return draw(90 + 24 * times.length, {
    legend: { top: 0, right: 10 },
    grid: { left: 200, right: 40, top: 30, bottom: 50 },
    xAxis: { type: 'value', name: 'ms', nameLocation: 'middle', nameGap: 28 },
    yAxis: { type: 'category', inverse: true, data: times.map(({ name }) => name) },
    series: [bars('forward', COLOURS[0]), bars('backward', COLOURS[1])],
  });
}

const epochAxis = {
  legend: { top: 0, right: 10, icon: LINE },
  grid: { left: 60, right: 30, top: 60, bottom: 45 },
  xAxis: {
    type: 'value',
    name: 'epochs',
    nameLocation: 'middle',
    nameGap: 26,
    max: ({ max }: { readonly max: number }) => Math.ceil(max),
  },
} satisfies EChartsOption;

function short(value: number): string {
  return String(Number(value.toPrecision(2)));
}

/** Renders in this process, without a browser. */
function draw(height: number, option: EChartsOption, width = WIDTH): Svg {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, ...option });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
