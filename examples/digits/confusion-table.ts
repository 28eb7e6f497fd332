import { CLASSES, type Images } from './dataset.js';

/** Minimum number of confusions of two digits for the strongest color. */
const MANY_MISTAKES = 10;
/** Percentages of the color in the cells with one and with the most confusions; more would hide the number. */
const PALEST = 15;
const STRONGEST = 75;

/** The confusion matrix: rows are digits, columns predictions. Colors show the number of errors. */
export function confusionTable(name: string, predicted: Uint8Array, { labels }: Images): string {
  const counts = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0));
  for (const [i, label] of labels.entries()) counts[label][predicted[i]]++;
  const mistakes = counts.flatMap((row, digit) => row.filter((_, read) => read !== digit));
  const most = Math.max(...mistakes, MANY_MISTAKES);
  const cell = (count: number, correct: boolean) => {
    if (correct) return `<td class="right">${count}</td>`;
    if (count === 0) return '<td class="none">0</td>';
    const share = PALEST + ((STRONGEST - PALEST) * count) / most;
    return `<td class="wrong" style="--share: ${Math.round(share)}%">${count}</td>`;
  };
  const header = counts.map((_, read) => `<th>${read}</th>`).join('');
  const rows = counts.map(
    (row, digit) =>
      `<tr><th>${digit}</th>${row.map((count, read) => cell(count, read === digit)).join('')}</tr>`,
  );
  return `<table class="confusion">
<caption>${name}</caption>
<tr><th></th>${header}</tr>
${rows.join('\n')}
</table>`;
}
