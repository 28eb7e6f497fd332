// The operators call methods of tensors, which a program that imports only batchnorm/onnx lacks without this.
import '../../tensor.js';
import * as comparisons from './comparisons.js';
import * as convolutions from './convolutions.js';
import * as elementwise from './elementwise.js';
import * as linear from './linear.js';
import * as norms from './norms.js';
import type { Operator } from './operator.js';
import * as others from './others.js';
import * as pads from './pad.js';
import * as pools from './pools.js';
import * as resize from './resize.js';
import * as shapes from './shapes.js';
import * as slices from './slice.js';

/** The supported operators of ONNX by their names. */
export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ...Object.entries(comparisons),
  ...Object.entries(convolutions),
  ...Object.entries(elementwise),
  ...Object.entries(linear),
  ...Object.entries(norms),
  ...Object.entries(others),
  ...Object.entries(pads),
  ...Object.entries(pools),
  ...Object.entries(resize),
  ...Object.entries(shapes),
  ...Object.entries(slices),
]);
