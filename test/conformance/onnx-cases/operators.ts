import { elementwise } from './elementwise.js';
import { losses } from './losses.js';
import { norms } from './norms.js';
import type { Operators } from './operator.js';
import { averagePool, maxPool } from './pooling.js';
import { products } from './products.js';
import { reductions } from './reductions.js';
import { shapes } from './shapes.js';

/** ONNX's operators, computed by the package. */
export const operators: Operators = {
  ...elementwise,
  ...reductions,
  ...products,
  MaxPool: maxPool,
  AveragePool: averagePool,
  ...norms,
  ...losses,
  ...shapes,
};
