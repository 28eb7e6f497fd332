/** Formats the errors themselves, not as multiples of the contract's limits, which would hide them. */
const show = (error, limit) => {
  if (error === undefined) return '–';
  const text = error === 0 ? '0' : Number.isFinite(error) ? error.toExponential(1) : String(error);
  return error <= limit ? text : `**${text}**`;
};

export const row = (cells) => `| ${cells.join(' | ')} |`;
export const head = (cells) => [row(cells), row(cells.map(() => '---'))];

/** Markdown: the worst of each group, then y and variance of every adversarial pattern. */
export function tables({ groups, names, limits, quantities }) {
  const lines = [];
  for (const { title, cases, total, thinning } of groups) {
    lines.push(`### ${title[0].toUpperCase()}${title.slice(1)}`, '');
    const inputs = (name) => cases.filter(({ errors }) => errors[name] !== undefined).length;
    lines.push(...head(['worst of all', 'limit', ...names]));
    for (const quantity of quantities) {
      const limit = limits[quantity];
      const errors = names.map((name) => show(total[name]?.[quantity], limit));
      lines.push(row([quantity, limit.toExponential(0), ...errors]));
    }
    lines.push(
      row(['inputs', '', ...names.map(inputs)]),
      row(['within all limits', '', ...names.map(kept)]),
      '',
    );

    function kept(name) {
      const has = ({ errors }) => errors[name] !== undefined;
      const within = ({ errors }) => quantities.every((each) => errors[name][each] <= limits[each]);
      return cases.filter(has).filter(within).length;
    }
    if (thinning === 10) continue;
    lines.push('Pattern by pattern, the worst of its shapes:', '');
    const shown = names.filter((name) => /avx2|neon|PyTorch|naive/.test(name) && inputs(name) > 0);
    const columns = ['variance', 'y', 'dx'].flatMap((quantity) => shown.map((name) => [quantity, name]));
    lines.push(...head(['', ...columns.map(([quantity, name]) => `${quantity}, ${name}`)]));
    for (const pattern of new Set(cases.map(({ name }) => name))) {
      const own = cases.filter(({ name }) => name === pattern);
      const cells = columns.map(([quantity, name]) =>
        show(Math.max(...own.map(({ errors }) => errors[name][quantity])), limits[quantity]),
      );
      lines.push(row([pattern, ...cells]));
    }
    lines.push('');
  }
  return lines.join('\n');
}

const end = '<!-- end of what was measured -->';

/** The page with new tables between the markers of a command. */
export function replaceTables(page, text, command = 'npm run check -- numerics') {
  const begin = `<!-- measured: written by ${command} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`Expected ${begin} and ${end} in the page`);
  return `${page.slice(0, from + begin.length)}\n\n${text}\n${page.slice(to)}`;
}
