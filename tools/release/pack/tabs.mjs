// Indents published TypeScript and JavaScript by tabs, which take half as many bytes as spaces.
import ts from 'typescript';

/** @returns {string} the same program, in which each step of indentation is a tab. */
export function withTabs(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const literal = linesWithinTemplates(source);
  const step = file.endsWith('.d.ts') ? 4 : 2;
  return text
    .split('\n')
    .map((line, i) => {
      if (literal.has(i)) return line;
      const indentation = /^ */.exec(line)[0].length;
      return '\t'.repeat(indentation / step) + ' '.repeat(indentation % step) + line.slice(indentation);
    })
    .join('\n');
}

/** The lines whose beginning belongs to the text of a template. */
function linesWithinTemplates(source) {
  const lines = new Set();
  const visit = (node) => {
    if (ts.isTemplateLiteral(node)) {
      const [first, last] = [node.getStart(), node.getEnd()].map(
        (at) => source.getLineAndCharacterOfPosition(at).line,
      );
      for (let line = first + 1; line <= last; line++) lines.add(line);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return lines;
}
