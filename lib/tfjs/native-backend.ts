import { TensorData } from './tensor-data.js';
import type { Image } from './layout.js';
import type { CpuBackend, DataId, TensorInfo } from './tensorflow.js';

/** The name for `tf.setBackend`. */
export const backendName = 'batchnorm';

/** The backend as our kernels use it. */
export interface NativeBackend extends CpuBackend {
  /** The values of a tensor. */
  dataOf(tensor: TensorInfo): TensorData;
  /** A float32 tensor of values in memory of the pool: row-major, or planes if there is an image. */
  output(shape: readonly number[], values: Float32Array, image?: Image): TensorInfo;
}

/**
 * The class of the backend: the caller's `cpu` backend with values that know their layout and return their memory.
 */
export function nativeBackendClass(cpu: CpuBackend): new () => NativeBackend {
  const CpuClass = cpu.constructor as new () => CpuBackend & { firstUse?: boolean };
  let nextId = 0;

  return class BatchnormBackend extends CpuClass implements NativeBackend {
    constructor() {
      super();
      // The first use of the cpu backend in Node prints an advertisement for tfjs-node.
      this.firstUse = false;
    }

    override write(values: unknown, _shape: readonly number[], dtype: string): DataId {
      const dataId = { id: nextId++ };
      this.data.set(dataId, TensorData.given(values, dtype));
      return dataId;
    }

    override move(
      dataId: DataId,
      values: unknown,
      _shape: readonly number[],
      dtype: string,
      refCount: number,
    ): void {
      this.data.set(dataId, TensorData.given(values, dtype, refCount));
    }

    override readSync(dataId: DataId): unknown {
      const data = this.data.get(dataId) as TensorData;
      return data.isPooled ? data.floats().slice() : super.readSync(dataId);
    }

    override disposeData(dataId: DataId, force = false): boolean {
      if (!this.data.has(dataId)) return true;
      const data = this.data.get(dataId) as TensorData;
      const disposed = super.disposeData(dataId, force);
      if (!this.data.has(dataId)) data.release();
      return disposed;
    }

    dataOf({ dataId }: TensorInfo): TensorData {
      return this.data.get(dataId) as TensorData;
    }

    output(shape: readonly number[], values: Float32Array, image?: Image): TensorInfo {
      const dataId = { id: nextId++ };
      this.data.set(dataId, TensorData.computed(values, image));
      return { dataId, shape: [...shape], dtype: 'float32' };
    }
  };
}
