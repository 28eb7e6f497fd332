import { type Parameter, parseSignature } from '#lib/backend/parse-signature';
import { signatures } from '#lib/backend/signatures';
import { seeded, values } from '../../support/random.js';

export type OperationName = keyof typeof signatures;

/** A right call of an operation, made from its signature. */
export interface SampleCall {
  readonly parameters: readonly Parameter[];
  /** Fresh arrays each time. */
  readonly values: () => unknown[];
}

/** Different for any two arguments of one operation, so that exchanging them matters. */
const scalars: Readonly<Record<string, number | boolean>> = {
  ...{ images: 4, channels: 3, plane: 5, planes: 4, n: 7, rows: 2, columns: 3, depth: 4 },
  ...{ height: 17, width: 16 },
  ...{ inChannels: 1, outChannels: 3, outHeight: 12, outWidth: 13, kernelHeight: 5, kernelWidth: 6 },
  ...{
    strideHeight: 7,
    strideWidth: 8,
    dilationHeight: 9,
    dilationWidth: 10,
    paddingTop: 11,
    paddingLeft: 0,
  },
  ...{ key0: 11, key1: 12, aLength: 3, bLength: 5, bytes: 8, left: 16, count: 6 },
  ...{ size0: 2, size1: 3, size2: 4, size3: 5, size4: 6, xLength: 800, yLength: 1400 },
  ...{ xStride0: 7, xStride1: 11, xStride2: 13, xStride3: 17, xStride4: 9 },
  ...{ yStride0: 810, yStride1: 200, yStride2: 45, yStride3: 8, yStride4: 1 },
  ...{ outer: 2, length: 3, inner: 5, divisor: 1.9, packedLength: 1000 },
  ...{ epsilon: 0.3, momentum: 0.6, slope: 0.2, p: 0.5, scale: 1.7, parameter: 0.8, factor: 1.3, value: 1.4 },
  ...{ learningRate: 0.1, l2: 0.2, decoupled: 0.35, alpha: 0.65 },
  ...{ beta1: 0.4, beta2: 0.7, correction1: 1.2, correction2: 1.5 },
  ...{
    groups: 2,
    centered: false,
    affine: true,
    minimum: true,
    relu: true,
    transposeA: true,
    transposeB: false,
    nesterov: true,
  },
};

/** Windows must begin in the plane or in the padding before it, which is smaller than the kernel. */
const poolScalars: Readonly<Record<string, number | boolean>> = {
  ...{ planes: 12, height: 29, width: 31, outHeight: 14, outWidth: 11, kernelHeight: 7, kernelWidth: 6 },
  ...{ strideHeight: 2, strideWidth: 3, dilationHeight: 4, dilationWidth: 9 },
  ...{ paddingTop: 1, paddingLeft: 5, paddingBottom: 10, paddingRight: 0, countIncludePad: true },
};

export interface Variant {
  /** Whether arguments that may be null are. */
  readonly nulls: boolean;
  /** The length of the right operand in arithmetic: a scalar or a row. A gradient has one value for a scalar. */
  readonly rightLength: 1 | 3;
  /** Of every boolean, instead of `scalars`. */
  readonly booleans?: boolean;
}

export const variants: readonly Variant[] = [
  { nulls: false, rightLength: 3 },
  { nulls: true, rightLength: 3 },
  { nulls: false, rightLength: 1 },
  { nulls: false, rightLength: 3, booleans: true },
];

/** @param sizes Sizes that differ from the usual ones. */
export function sampleCall(
  name: OperationName,
  { nulls, rightLength, booleans }: Variant,
  sizes: Readonly<Record<string, number>> = {},
): SampleCall {
  const { parameters } = parseSignature(signatures[name]);
  const scalarOf = ({ name: parameter, kind }: Parameter): number | boolean => {
    if (parameter === 'rightLength') return rightLength === 1 ? 1 : (sizes.columns ?? rightLength);
    if (parameter === 'dyLength') return rightLength === 1 ? 1 : (sizes.n ?? Number(scalars.n));
    if (kind === 'boolean' && booleans !== undefined) return booleans;
    return sizes[parameter] ?? (name.includes('Pool') ? poolScalars : scalars)[parameter];
  };
  const known = Object.fromEntries(parameters.map((each) => [each.name, scalarOf(each)]));
  const valueOf = (parameter: Parameter, i: number): unknown => {
    if (parameter.kind !== 'array') return known[parameter.name];
    if (parameter.condition !== undefined && known[parameter.condition] === false) return null;
    if (parameter.nullable && nulls) return null;
    const length = lengthOf(parameter, known);
    // Around 1, which suits variances and logarithms; a shift around 0, so that a ReLU has something to do.
    const floats = values(seeded(i + 1), length, 0.5, parameter.name === 'shift' ? 0 : 1);
    // Both kinds, so that each of the two values is chosen somewhere.
    if (parameter.name === 'condition') floats.fill(0, 0, Math.ceil(length / 2));
    return parameter.double ? Float64Array.from(floats) : floats;
  };
  return { parameters, values: () => parameters.map(valueOf) };
}

function lengthOf(
  { length }: Extract<Parameter, { kind: 'array' }>,
  known: Readonly<Record<string, number | boolean>>,
): number {
  let product = 1;
  for (const factor of length) {
    product *= typeof factor === 'number' ? factor : Number(known[factor]);
  }
  return product;
}
