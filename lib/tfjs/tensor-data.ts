import { storagePool } from '../core/storage-pool.js';
import { isFloat32Array } from '../validation/typed-array.js';
import { hasOneLayout, type Image, isSameImage, planesToRows, rowsToPlanes } from './layout.js';

/**
 * The values of a tensor, as the kernels of the `cpu` backend see them: an object with `values`, `dtype` and `refCount`.
 *
 * Values that our kernels computed are in memory of the storage pool, to which they return when the tensor is disposed of,
 * unless a kernel of the `cpu` backend has read `values`: those kernels may return an array that shares the memory.
 */
export class TensorData {
  refCount = 1;
  /** The parts of a complex tensor. */
  complexTensorInfos: unknown = undefined;
  readonly dtype: string;
  /** Row-major values; undefined while only the planes exist. */
  #values: unknown;
  /** The values as [N, C, H, W], and the image that they are. */
  #planes: Float32Array | undefined;
  #image: Image | undefined;
  /** Whether #values is memory of the pool that nobody else has. */
  #pooled: boolean;
  /** Weights in the order of our kernels, by the name of that order. */
  #packed: Map<string, Float32Array> | undefined;

  private constructor(values: unknown, dtype: string, pooled: boolean) {
    this.#values = values;
    this.dtype = dtype;
    this.#pooled = pooled;
  }

  /** Values of the user or of a kernel of the `cpu` backend. */
  static given(values: unknown, dtype: string, refCount = 1): TensorData {
    const data = new TensorData(values, dtype, false);
    data.refCount = refCount;
    return data;
  }

  /** Row-major values in memory of the pool, or planes if there is an image. */
  static computed(values: Float32Array, image?: Image): TensorData {
    if (image === undefined || hasOneLayout(image)) return new TensorData(values, 'float32', true);
    const data = new TensorData(undefined, 'float32', true);
    data.#planes = values;
    data.#image = image;
    return data;
  }

  /** The values, for callers that may keep a reference to them. */
  get values(): unknown {
    const values = this.#rows();
    this.#pooled = false;
    return values;
  }

  set values(values: unknown) {
    this.#returnMemory();
    this.#values = values;
    this.#pooled = false;
  }

  /** The image whose planes are stored, if they are. */
  get image(): Image | undefined {
    return this.#image;
  }

  /** The row-major values of a float32 tensor that no other tensor shares, to be changed in place. */
  writable(): Float32Array {
    const values = this.floats();
    const isOwn = this.#pooled && values === this.#values;
    const own = isOwn ? values : storagePool.take(values.length);
    if (!isOwn) own.set(values);
    this.#returnMemory(isOwn);
    this.#values = own;
    this.#pooled = true;
    return own;
  }

  /** The row-major values of a float32 tensor, only to be read and only until the kernel returns. */
  floats(): Float32Array {
    const values = this.#rows();
    // Casts from int32 and bool keep the values.
    return isFloat32Array(values) ? values : new Float32Array(values as ArrayLike<number>);
  }

  /** The values of a tensor of any type, as `floats`. */
  numbers(): ArrayLike<number> {
    return this.#rows() as ArrayLike<number>;
  }

  /** The planes of a float32 tensor, as `floats`. */
  planes(image: Image): Float32Array {
    if (hasOneLayout(image)) return this.floats();
    if (this.#planes !== undefined && this.#image !== undefined && isSameImage(this.#image, image)) {
      return this.#planes;
    }
    const rows = this.floats();
    const planes = storagePool.take(rows.length);
    rowsToPlanes(rows, planes, image);
    if (this.#planes !== undefined) storagePool.give(this.#planes);
    this.#planes = planes;
    this.#image = image;
    return planes;
  }

  /** Weights in another order, which is kept as long as the tensor. */
  packed(order: string, length: number, pack: (weights: Float32Array, packed: Float32Array) => void) {
    this.#packed ??= new Map();
    let packed = this.#packed.get(order);
    if (packed === undefined) {
      packed = storagePool.take(length);
      pack(this.floats(), packed);
      this.#packed.set(order, packed);
    }
    return packed;
  }

  /** Whether the values are in memory that will be used again, of which a reader therefore needs a copy. */
  get isPooled(): boolean {
    return this.#pooled;
  }

  /** Returns memory to the pool; the tensor no longer exists. */
  release(): void {
    this.#returnMemory();
    this.#values = undefined;
  }

  #returnMemory(keepValues = false): void {
    if (this.#pooled && this.#values !== undefined && !keepValues) {
      storagePool.give(this.#values as Float32Array);
    }
    if (this.#planes !== undefined) storagePool.give(this.#planes);
    this.#planes = undefined;
    this.#image = undefined;
    if (this.#packed === undefined) return;
    for (const packed of this.#packed.values()) storagePool.give(packed);
    this.#packed = undefined;
  }

  #rows(): unknown {
    if (this.#values === undefined && this.#planes !== undefined && this.#image !== undefined) {
      const rows = storagePool.take(this.#planes.length);
      planesToRows(this.#planes, rows, this.#image);
      this.#values = rows;
    }
    return this.#values;
  }
}
