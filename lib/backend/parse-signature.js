// Parses the notation of signatures.js for the code that is derived from it at run time and when the addon is
// built.

/**
 * @typedef {{
 *   readonly name: string,
 *   readonly kind: 'size' | 'number' | 'boolean',
 * }} ScalarParameter
 *
 * @typedef {{
 *   readonly name: string,
 *   readonly kind: 'array',
 *   readonly read: boolean,
 *   readonly written: boolean,
 *   readonly double: boolean,
 *   readonly nullable: boolean,
 *   readonly length: readonly Factor[],
 *   readonly condition: string | undefined,
 * }} ArrayParameter `length` is the product of its factors, `condition` the boolean that the array depends on.
 *
 * @typedef {ScalarParameter | ArrayParameter} Parameter
 *
 * @typedef {number | string} Factor An integer, or the name of a size.
 *
 * @typedef {{
 *   readonly parameters: readonly Parameter[],
 *   readonly returns: 'number' | 'boolean' | undefined,
 * }} Signature
 */

const scalarPattern = /^(size|number|boolean) (\w+)$/;
const arrayPattern = /^(in|out|inout)(\?)? (double )?(\w+)\[([^\]]+)\](?: when (\w+))?$/;
const resultPattern = /^returns (number|boolean)$/;

/**
 * @param {readonly string[]} signature An entry of `signatures`.
 * @returns {Signature}
 */
export function parseSignature(signature) {
  const [, returns] = resultPattern.exec(signature[signature.length - 1] ?? '') ?? [];
  const texts = returns === undefined ? signature : signature.slice(0, -1);
  return {
    parameters: texts.map(parseParameter),
    returns: /** @type {'number' | 'boolean' | undefined} */ (returns),
  };
}

/**
 * @param {string} text
 * @returns {Parameter}
 */
function parseParameter(text) {
  const scalar = scalarPattern.exec(text);
  if (scalar !== null) {
    return { name: scalar[2], kind: /** @type {'size' | 'number' | 'boolean'} */ (scalar[1]) };
  }
  const array = arrayPattern.exec(text);
  if (array === null)
    throw new SyntaxError(`Expected a parameter in lib/backend/signatures.js but found ${text}`);
  const [, direction, nullable, double, name, length, condition] = array;
  return {
    name,
    kind: 'array',
    read: direction !== 'out',
    written: direction !== 'in',
    double: double !== undefined,
    nullable: nullable !== undefined,
    length: length.split('*').map(parseFactor),
    condition,
  };
}

/**
 * @param {string} text
 * @returns {Factor}
 */
function parseFactor(text) {
  return /^\d+$/.test(text) ? Number(text) : text;
}
