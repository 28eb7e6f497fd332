/** Parses JSON strictly according to RFC 8259, and throws on duplicate names in an object. */
export function parseStrictly(text: string): unknown {
  const lexer = /[ \t\r\n]*("(?:[^"\\]|\\.)*"|[{}[\],:]|[^ \t\r\n"{}[\],:]+)/gsy;
  const next = (): string => {
    const found = lexer.exec(text);
    if (found === null) throw new SyntaxError('no JSON');
    return found[1];
  };
  const parse = (first: string): unknown => {
    if (first === '[') {
      const values: unknown[] = [];
      for (let token = next(); token !== ']'; token = next()) {
        values.push(parse(token === ',' ? next() : token));
      }
      return values;
    }
    if (first !== '{') return JSON.parse(first) as unknown;
    const values = new Map<string, unknown>();
    for (let token = next(); token !== '}'; token = next()) {
      const name = JSON.parse(token === ',' ? next() : token) as string;
      if (values.has(name)) throw new Error(`the duplicate name ${name}`);
      if (next() !== ':') throw new SyntaxError('no colon');
      values.set(name, parse(next()));
    }
    return Object.fromEntries(values);
  };
  return parse(next());
}
