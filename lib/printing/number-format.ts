// Formats float32 values like NumPy's array2string: the fewest digits that identify the value, at most 8
// after the point, all values of an array at the width of the widest, with exponents if any value needs one.

/** NumPy's `precision`: the maximum number of digits after the point without an exponent. */
const maxFractionDigits = 8;

/**
 * If a value has this magnitude or more, all values of its array are printed with exponents; since NumPy 2.3.
 */
const exponentFrom = 1e6;
/** Likewise if a value other than zero has a smaller magnitude than this. */
const exponentBelow = Math.fround(1e-4);
/** Likewise if the magnitudes of two values differ by more than this factor. */
const maxRatio = 1000;

/** Maximum number of significant digits of a float32's shortest decimal. */
const maxShortestDigits = 9;

/**
 * Enough digits for toFixed to be exact for a float32 of at least 0.0001, and for toExponential to show
 * whether a value is a tie.
 */
const exactDigits = 60;

/** Formats one value; all values get the same width. */
export type NumberFormat = (value: number) => string;

/** The format for values that are printed together. */
export function numberFormat(values: readonly number[]): NumberFormat {
  const finite = values.filter(Number.isFinite);
  const layout = needsExponent(finite) ? exponentLayout(finite) : positionalLayout(finite);
  const { before, after, spell } = layout;
  // "nan" and "inf" are aligned with the numbers' last column, including the point.
  const others = values.filter((value) => !Number.isFinite(value)).map(nameOf);
  const width = Math.max(before + 1 + after, ...others.map(({ length }) => length));
  return (value) => (Number.isFinite(value) ? spell(value) : nameOf(value)).padStart(width);
}

interface Layout {
  /** Characters before the point, sign included. */
  readonly before: number;
  /** Characters after the point, exponent included. */
  readonly after: number;
  readonly spell: (value: number) => string;
}

function needsExponent(finite: readonly number[]): boolean {
  let [min, max] = [Infinity, 0];
  for (const value of finite) {
    const magnitude = Math.abs(value);
    if (magnitude === 0) continue;
    min = Math.min(min, magnitude);
    max = Math.max(max, magnitude);
  }
  if (max === 0) return false;
  return max >= exponentFrom || min < exponentBelow || Math.fround(max / min) > maxRatio;
}

function positionalLayout(finite: readonly number[]): Layout {
  const { before, after } = widths(finite.map(positional));
  return {
    before,
    after,
    spell: (value) => {
      const [whole, fraction] = positional(value).split('.');
      return `${whole.padStart(before)}.${fraction.padEnd(after)}`;
    },
  };
}

function exponentLayout(finite: readonly number[]): Layout {
  const shortest = finite.map(shortestExponential);
  const { before, after: digits } = widths(shortest.map(({ mantissa }) => mantissa));
  const exponentDigits = Math.max(2, ...shortest.map(({ exponent }) => exponent.length - 1));
  return {
    before,
    after: digits + 2 + exponentDigits,
    spell: (value) => {
      const { mantissa, exponent } = exponential(value, digits);
      const [whole, fraction] = mantissa.split('.');
      const power = `${exponent[0]}${exponent.slice(1).padStart(exponentDigits, '0')}`;
      return `${whole.padStart(before)}.${fraction}e${power}`;
    },
  };
}

/** Maximum lengths of the parts before and after the point. */
function widths(numbers: readonly string[]): { before: number; after: number } {
  let [before, after] = [0, 0];
  for (const text of numbers) {
    const [whole, fraction] = text.split('.');
    before = Math.max(before, whole.length);
    after = Math.max(after, fraction.length);
  }
  return { before, after };
}

/** Formats `12.5`, `3.`, `-0.`: without trailing zeros, always with a point. */
function positional(value: number): string {
  const sign = signOf(value);
  const magnitude = Math.abs(value);
  const text = fixed(magnitude);
  const [whole, fraction = ''] = text.split('.');
  return `${sign}${whole}.${fraction.replace(/0+$/, '')}`;
}

function fixed(magnitude: number): string {
  const exact = magnitude.toFixed(exactDigits);
  for (let digits = 0; ; digits++) {
    const text = halfToEven(magnitude.toFixed(digits), exact);
    if (digits === maxFractionDigits || Math.fround(Number(text)) === magnitude) return text;
  }
}

/**
 * JavaScript rounds a tie up, NumPy to the even digit. A float32 such as 2 ** -9 is exactly a tie at some
 * digit.
 */
function halfToEven(rounded: string, exact: string): string {
  const cut = exact.slice(0, rounded.length);
  const isHalf = /^\.?50*$/.test(exact.slice(rounded.length));
  return isHalf && Number(cut.at(-1)) % 2 === 0 ? cut : rounded;
}

interface Exponential {
  /** With a point. */
  readonly mantissa: string;
  /** With a sign. */
  readonly exponent: string;
}

function shortestExponential(value: number): Exponential {
  for (let digits = 0; ; digits++) {
    const text = exponential(value, digits);
    const read = Number(`${text.mantissa}e${text.exponent}`);
    if (digits + 1 === maxShortestDigits || Math.fround(read) === value) return text;
  }
}

function exponential(value: number, digits: number): Exponential {
  const magnitude = Math.abs(value);
  const [rounded, exponent] = magnitude.toExponential(digits).split('e');
  const [exact] = magnitude.toExponential(exactDigits).split('e');
  const mantissa = halfToEven(rounded, exact);
  return {
    mantissa: `${signOf(value)}${mantissa}${mantissa.includes('.') ? '' : '.'}`,
    exponent,
  };
}

/** The sign, including that of -0. */
function signOf(value: number): string {
  return value < 0 || Object.is(value, -0) ? '-' : '';
}

function nameOf(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return value < 0 ? '-inf' : 'inf';
}
