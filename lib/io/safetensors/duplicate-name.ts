/** A string or a structural character of a JSON text. */
const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;

/**
 * The first name that occurs twice in one object of a JSON text; undefined if there is none. `JSON.parse`,
 * which must have accepted the text, silently keeps the last value of such a name; other readers keep the
 * first.
 */
export function duplicateName(json: string): string | undefined {
  /** The names in each open object; undefined for arrays. */
  const open: (Set<string> | undefined)[] = [];
  let string = '';
  for (const [found] of json.matchAll(token)) {
    switch (found) {
      case '{':
        open.push(new Set());
        break;
      case '[':
        open.push(undefined);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        break;
      case ':': {
        // Compare unescaped names: "\u0061" is "a".
        const name = JSON.parse(string) as string;
        const names = open.at(-1);
        if (names?.has(name) === true) return name;
        names?.add(name);
        break;
      }
      default:
        string = found;
    }
  }
  return undefined;
}
