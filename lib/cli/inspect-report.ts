import { escapeInvisible, shorten } from '../validation/quote.js';
import { formatShape } from '../core/shape.js';
import type { DescribedGraph, DescribedValue } from '../onnx/describe-graph.js';
import { type ArrayGroup, countParameters, groupOf } from './array-groups.js';
import { plural, short, table } from './format.js';
import type { InspectedArray } from './inspected-array.js';
import type { Contents } from './contents.js';
import type { Suspicion } from './suspicious.js';

const formats = {
  npz: 'an .npz file',
  npy: 'an .npy file',
  safetensors: 'a safetensors file',
  onnx: 'an ONNX file',
};

/** Sections of the report, each with its own table, in this order. */
const sections: readonly (readonly [title: string, groups: readonly ArrayGroup[]])[] = [
  ['model', ['weights', 'statistics', 'settings']],
  ['optimizer state', ['optimizer']],
  ['rest of the checkpoint', ['checkpoint']],
];

/** The object that `--json` prints. */
export function reportJson(
  file: string,
  { format, arrays, others, unreadable, graph }: Contents,
  suspicious: readonly Suspicion[],
): object {
  // The array of an .npy file has no name that tells its purpose.
  const named = format !== 'npy';
  return {
    ...{ file, format },
    ...(graph === undefined ? {} : { graph }),
    arrays: arrays.map(({ name, ...array }) => ({
      name,
      group: named ? groupOf({ name, ...array }) : 'unknown',
      ...array,
    })),
    parameters: countParameters(named ? arrays : []),
    ...{ others, suspicious },
    unreadable: unreadable.map(({ name, message }) => ({ name, problem: message })),
  };
}

/** The report as text for a terminal. */
export function reportText(
  file: string,
  { format, arrays, others, graph }: Contents,
  suspicious: readonly Suspicion[],
): string {
  const more = others.length === 0 ? '' : ` and ${plural(others.length, 'entry', 'entries')} of another kind`;
  const head = `${escapeInvisible(file)}: ${formats[format]}, ${plural(arrays.length, 'array')}${more}\n`;
  if (arrays.length === 0 && graph === undefined) return head;
  const counts = format === 'npy' ? [] : [countsTable(arrays)];
  const parts = [
    head,
    ...(graph === undefined ? [] : graphTables(graph)),
    ...sectionTables(arrays),
    ...counts,
  ];
  if (suspicious.length > 0) {
    const lines = suspicious.map(
      ({ name, problem }) => `  ${cell(name)}: ${escapeInvisible(shorten(problem, 500))}\n`,
    );
    return [...parts, `suspicious\n${lines.join('')}`].join('\n');
  }
  return [...parts, 'nothing suspicious\n'].join('\n');
}

/** Versions, inputs and outputs, and nodes in the order in which they run. */
function graphTables({
  producer,
  opset,
  inputs,
  outputs,
  nodes,
  problem,
}: DescribedGraph): readonly string[] {
  const by = producer === '' ? '' : `, written by ${cell(producer)}`;
  const port = (kind: string) => (value: DescribedValue) => [
    ...[kind, cell(value.name), cell(value.type), cell(value.shape)],
  ];
  const rows = nodes.map(({ name, operator, shape }) => [cell(name), cell(operator), cell(shape)]);
  return [
    `${plural(nodes.length, 'node')} of operator set ${opset}${by}\n`,
    table([...inputs.map(port('input')), ...outputs.map(port('output'))]),
    table([['node', 'operator', 'shape of the output'], ...rows]),
    ...(problem === undefined ? [] : [`importOnnx refuses it: ${escapeInvisible(shorten(problem, 500))}\n`]),
  ];
}

/** One table for each section that is not empty, with a title if there are several. */
function sectionTables(arrays: readonly InspectedArray[]): readonly string[] {
  const filled = sections
    .map(([title, groups]) => ({
      title,
      found: arrays.filter((array) => groups.includes(groupOf(array))),
    }))
    .filter(({ found }) => found.length > 0);
  const titled = filled.length > 1;
  return filled.map(({ title, found }) => `${titled ? `${title}\n` : ''}${arraysTable(found)}`);
}

function arraysTable(arrays: readonly InspectedArray[]): string {
  const number = (value: number | null | undefined) => (value == null ? '–' : short(value));
  const rows = arrays.map(({ name, type, shape, statistics }) => [
    ...[cell(name), cell(type), cell(formatShape(shape.slice(0, maxWidth)))],
    ...[number(statistics?.min), number(statistics?.max), number(statistics?.mean)],
  ]);
  return table([['name', 'type', 'shape', 'min', 'max', 'mean'], ...rows]);
}

function countsTable(arrays: readonly InspectedArray[]): string {
  const { weights, statistics, optimizer } = countParameters(arrays);
  const rows = [
    ['  trainable weights', weights],
    ['  running statistics', statistics],
    ['  optimizer state', optimizer],
  ] as const;
  const shown = rows.filter(([, count], i) => i === 0 || count > 0);
  return `parameters\n${table(shown.map(([what, count]) => [what, count.toLocaleString('en-US')]))}`;
}

/** Maximum length of a name, type or shape in a table, because all lines are as wide as the widest cell. */
const maxWidth = 80;

/** Shortens and escapes text from a file, which may contain anything at any length. */
function cell(text: string): string {
  return shorten(escapeInvisible(shorten(text, maxWidth)), maxWidth);
}
