// The parts of TensorFlow.js that the backend uses, declared structurally: the package neither depends on TensorFlow.js nor
// imports its types, because the caller passes the module.

/** The key under which a backend stores the values of a tensor. */
export type DataId = object;

export interface TensorInfo {
  readonly dataId: DataId;
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** Inputs by name; those of variadic kernels are an array. */
export type Inputs = Readonly<Record<string, TensorInfo | undefined>>;

export type Attributes = Readonly<Record<string, unknown>>;

export interface KernelCall {
  readonly inputs: Inputs;
  readonly attrs?: Attributes;
  readonly backend: unknown;
}

export interface KernelConfig {
  readonly kernelName: string;
  readonly backendName: string;
  readonly kernelFunc: (call: KernelCall) => TensorInfo | TensorInfo[];
  readonly setupFunc?: unknown;
  readonly disposeFunc?: unknown;
}

/** A tensor of the caller's module. */
export interface Tensor extends TensorInfo {
  readonly id: number;
  dispose(): void;
  dataSync(): ArrayLike<number>;
}

export interface Variable extends Tensor {
  assign(value: Tensor): void;
}

/** Values by data id; `get` moves them from another backend. */
export interface DataStorage {
  get(dataId: DataId): unknown;
  set(dataId: DataId, data: unknown): void;
  has(dataId: DataId): boolean;
}

/** The methods of the `cpu` backend that this one extends. */
export interface CpuBackend {
  readonly data: DataStorage;
  write(values: unknown, shape: readonly number[], dtype: string): DataId;
  move(dataId: DataId, values: unknown, shape: readonly number[], dtype: string, refCount: number): void;
  readSync(dataId: DataId): unknown;
  disposeData(dataId: DataId, force?: boolean): boolean;
  /** The smallest number that losses divide by or take logarithms of. */
  epsilon(): number;
}

/** How a convolution or a pooling reads its input. */
export interface ConvInfo {
  readonly batchSize: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inChannels: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outChannels: number;
  readonly filterHeight: number;
  readonly filterWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
  readonly padInfo: Readonly<Record<'top' | 'left' | 'bottom' | 'right', number>>;
  readonly inShape: readonly number[];
  readonly outShape: readonly number[];
  readonly filterShape: readonly number[];
  readonly dataFormat: 'channelsLast' | 'channelsFirst';
}

export interface GradientConfig {
  readonly kernelName: string;
  readonly inputsToSave?: readonly string[];
  readonly outputsToSave?: readonly boolean[];
  readonly saveAllInputs?: boolean;
  readonly gradFunc: GradientFunction;
}

export type GradientFunction = (
  dy: Tensor | Tensor[],
  saved: readonly Tensor[],
  attrs: Attributes,
) => Record<string, () => Tensor>;

export interface Engine {
  readonly state?: { readonly gradientDepth?: unknown };
  readonly registeredVariables?: Readonly<Record<string, Variable>>;
  runKernel(name: string, inputs: Inputs, attrs?: Attributes): Tensor | Tensor[];
}

/** The range that a strided slice reads, with one entry for each axis of its input, and the shape of its result. */
export interface SliceInfo {
  readonly begin: readonly number[];
  readonly strides: readonly number[];
  readonly finalShapeSparse: readonly number[];
  readonly finalShape: readonly number[];
  readonly isIdentity: boolean;
  readonly sliceDim0: boolean;
  readonly isSimpleSlice: boolean;
}

export interface WeightSpec {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: { readonly dtype: string };
}

export interface WeightsGroup {
  readonly paths: string[];
  readonly weights: WeightSpec[];
}

/** A model for an IO handler; further members are kept as they are. */
export interface ModelArtifacts {
  readonly modelTopology?: unknown;
  readonly format?: unknown;
  readonly generatedBy?: unknown;
  readonly convertedBy?: unknown;
  readonly weightSpecs?: readonly WeightSpec[];
  readonly weightData?: ArrayBuffer | readonly ArrayBuffer[];
}

export interface SaveResult {
  readonly modelArtifactsInfo: Readonly<Record<string, unknown>>;
}

export interface IOHandler {
  readonly save: (artifacts: ModelArtifacts) => Promise<SaveResult>;
  readonly load: () => Promise<ModelArtifacts>;
}

type IORouter = (url: unknown) => IOHandler | null;

/** Classes by name, as the first element. */
type ClassMap = Readonly<Record<string, readonly [{ readonly prototype: object }, ...unknown[]] | undefined>>;

export interface TensorFlow {
  readonly version_core?: string;
  engine(): Engine;
  backend(): CpuBackend;
  getBackend(): string;
  findBackend(name: string): CpuBackend | null;
  registerBackend(name: string, factory: () => unknown, priority?: number): boolean;
  getKernelsForBackend(name: string): readonly KernelConfig[];
  registerKernel(config: KernelConfig): void;
  getGradient(name: string): GradientConfig | undefined;
  registerGradient(config: GradientConfig): void;
  unregisterGradient(name: string): void;
  tidy<T>(compute: () => T): T;
  variable(initial: Tensor, trainable: boolean): Variable;
  zerosLike(x: Tensor): Tensor;
  readonly io: {
    readonly getSaveHandlers: (url: string) => readonly unknown[];
    readonly getLoadHandlers: (url: string) => readonly unknown[];
    readonly registerSaveRouter: (router: IORouter) => void;
    readonly registerLoadRouter: (router: IORouter) => void;
  };
  readonly serialization?: {
    readonly SerializationMap?: { getMap(): { readonly classNameMap?: ClassMap } };
  };
  readonly backend_util: {
    computeConv2DInfo(
      inShape: readonly number[],
      filterShape: readonly number[],
      strides: unknown,
      dilations: unknown,
      pad: unknown,
      roundingMode: unknown,
      depthwise: boolean,
      dataFormat?: string,
    ): ConvInfo;
    computePool2DInfo(
      inShape: readonly number[],
      filterSize: unknown,
      strides: unknown,
      dilations: unknown,
      pad: unknown,
      roundingMode?: unknown,
    ): ConvInfo;
    convertConv2DDataFormat(dataFormat: unknown): string;
  };
  readonly slice_util: {
    readonly parseSliceParams: (x: TensorInfo, begin: unknown, size: unknown) => [number[], number[]];
    readonly assertParamsValid: (x: TensorInfo, begin: number[], size: number[]) => void;
    readonly sliceInfo: (
      shape: readonly number[],
      begin: unknown,
      end: unknown,
      strides: unknown,
      ...masks: readonly number[]
    ) => SliceInfo;
  };
}
