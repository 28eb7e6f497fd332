import type { Shape } from '../core/shape.js';
import type { ArrayStatistics } from './array-statistics.js';

/** An array of a file. */
export interface InspectedArray {
  /** As in the file, `.npy` included. */
  readonly name: string;
  /** Name of the type; where the values are no numbers, what the file calls it. */
  readonly type: string;
  readonly shape: Shape;
  /** Whether `load` and `loadSafetensors` take values of this type. */
  readonly loadable: boolean;
  /** Missing where the values are no numbers. */
  readonly statistics?: ArrayStatistics;
}
