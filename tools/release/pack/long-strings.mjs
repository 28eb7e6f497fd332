// Divides long strings of bundled libraries among several lines, because Node prints the line of an uncaught error.

const piece = /(?:\\u\{[^}]+\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\.|[^\\]){1,200}/g;

/** @returns {string} the same program; only strings that are a whole `var x = "...";` are divided. */
export function withShortStrings(text) {
  return text.replace(/^(\s*var \w+ = )"((?:[^"\\]|\\.){250,})";$/gm, (_, before, characters) => {
    const pieces = characters.match(piece).map((each) => `"${each}"`);
    return `${before}${pieces.join(' +\n  ')};`;
  });
}
