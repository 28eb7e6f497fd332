// Formats untrusted text for messages: a name in a file may be millions of characters long, or contain
// characters that a terminal obeys.

/** Control characters, and characters that hide or reorder the text around them. */
const invisible = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Shortens text to at most `max` characters, of which the last three are an ellipsis if some are omitted. */
export function shorten(text: string, max = 40): string {
  return text.length > max ? `${text.slice(0, max - 3)}...` : text;
}

/** Quotes text with the escapes of JSON, and shortens it. */
export function quote(text: string, max = 200): string {
  return escapeInvisible(JSON.stringify(shorten(text, max)));
}

/** Escapes every character that a terminal would obey instead of showing it, such as `\u001b`. */
export function escapeInvisible(text: string): string {
  return text.replace(invisible, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** Spells a property whose name the user chose: `progress.epoch`, `progress["my epoch"]`. */
export function memberName(object: string, name: string): string {
  const isPlain = /^[\p{ID_Continue}$]+$/u.test(name) && name.length <= 200;
  return isPlain ? `${object}.${name}` : `${object}[${quote(name)}]`;
}
