import type { Shape } from '../core/shape.js';
import type { ArrayStatistics } from './array-statistics.js';

/** An array of a file. */
export interface InspectedArray {
  /** Name in the file, `.npy` included. */
  readonly name: string;
  /** Name of the type; if the values are not numbers, the file's own name of it. */
  readonly type: string;
  readonly shape: Shape;
  /** Whether `load` and `loadSafetensors` accept values of this type. */
  readonly loadable: boolean;
  /** Missing if the values are not numbers. */
  readonly statistics?: ArrayStatistics;
}
