// How text from outside reads in a message: a name in a file may be millions of characters long, or hold what a terminal
// obeys.

/** Controls, and what hides or reorders the text around it. */
const invisible = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** At most `max` characters, the last three of them an ellipsis where some are left out. */
export function shorten(text: string, max = 40): string {
  return text.length > max ? `${text.slice(0, max - 3)}...` : text;
}

/** In quotes, with escapes as in JSON, and shortened. */
export function quote(text: string, max = 200): string {
  return escapeInvisible(JSON.stringify(shorten(text, max)));
}

/** With escapes such as `\u001b` for every character that a terminal would obey instead of showing it. */
export function escapeInvisible(text: string): string {
  return text.replace(invisible, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** A property that a user has named: `progress.epoch`, `progress["my epoch"]`. */
export function memberName(object: string, name: string): string {
  const isPlain = /^[\p{ID_Continue}$]+$/u.test(name) && name.length <= 200;
  return isPlain ? `${object}.${name}` : `${object}[${quote(name)}]`;
}
