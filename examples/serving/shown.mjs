// Shortened quotes of client data for answers.

export function shorten(text, length = 40) {
  return text.length > length ? `${text.slice(0, length - 3)}...` : text;
}

/** A value of a JSON text. */
export function shown(value) {
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  if (value !== null && typeof value === 'object') {
    const names = Object.keys(value)
      .slice(0, 5)
      .map((name) => shorten(name));
    return `an object with the names ${names.join(', ') || 'none'}`;
  }
  if (typeof value === 'string') return JSON.stringify(shorten(value));
  return shorten(JSON.stringify(value) ?? 'nothing');
}
