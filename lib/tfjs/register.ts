import { backend as native } from '../backend/index.js';
import type { BackendInfo } from '../backend/backend-info.js';
import {
  plainError,
  requireBoolean,
  requireFinite,
  requireOptions,
  wrongType,
} from '../validation/errors.js';
import { requireNoSurplus } from '../validation/surplus-arguments.js';
import type { Attributes, Engine, KernelCall, KernelConfig, TensorFlow } from './tensorflow.js';
import type { Call, Kernel } from './kernel.js';
import { registerFileHandler } from './file-handler.js';
import { fuseLayers } from './fused/index.js';
import { registerFusedGradients } from './fused/gradients.js';
import { registerGradients } from './gradients.js';
import { fusedKernels } from './kernels/fused.js';
import { gradientKernels } from './kernels/gradients.js';
import { kernels } from './kernels/index.js';
import { requireTensorFlow } from './require-tensorflow.js';
import { backendName, type NativeBackend, nativeBackendClass } from './native-backend.js';

/** TensorFlow.js, as `@tensorflow/tfjs` or `@tensorflow/tfjs-core` exports it. */
export interface TensorFlowModule {
  /** Whatever the module exports; only its functions for backends and kernels are called. */
  readonly registerBackend: (...args: never[]) => boolean;
  /** As `registerBackend`. */
  readonly registerKernel: (...args: never[]) => void;
}

/** How often a kernel ran, by which implementation. */
export interface KernelCounts {
  /** Calls that our kernels computed. */
  readonly native: number;
  /** Calls that the JavaScript of the `cpu` backend computed. */
  readonly javascript: number;
}

/** The result of `register`, and the kernels that a program has used since. */
export interface Registration {
  /** The name for `tf.setBackend`: `'batchnorm'`. */
  readonly name: 'batchnorm';
  /** The backend of our kernels: the addon, or its fallback and the reason for it. */
  readonly backend: BackendInfo;
  /** The kernels that we replace, in alphabetical order. */
  readonly kernels: readonly string[];
  /** The classes of TensorFlow.js whose methods `fuseLayers` replaced. */
  readonly fused: readonly string[];
  /** The calls of each kernel that ran, in alphabetical order. */
  calls(): Readonly<Record<string, KernelCounts>>;
  /** Resets all counts to zero. */
  resetCalls(): void;
}

/** Options of `register`. */
export interface RegisterOptions {
  /**
   * Priority among TensorFlow.js's backends if the program chooses none; `cpu` has 1. Default 3.
   */
  readonly priority?: number;
  /**
   * Whether layers train with fewer kernels on this backend: batch norm, convolutions and dense layers with their bias and ReLU,
   * the categorical cross entropy of models that are compiled later, and steps of Adam, SGD and momentum, which update all
   * parameters in place. This replaces methods of classes of TensorFlow.js. Default false.
   */
  readonly fuseLayers?: boolean;
}

interface Counter {
  native: number;
  javascript: number;
}

/**
 * Registers the backend `'batchnorm'` with TensorFlow.js: `register(tf); await tf.setBackend('batchnorm');`. Kernels that we do
 * not replace, and cases that ours do not handle, run as in the `cpu` backend, which must be registered.
 *
 * @param tf The module that the program uses, version 4.20 or a later 4.
 * @returns A report; a second call returns the same one.
 * @throws TypeError if `tf` is not TensorFlow.js or has no `cpu` backend; RangeError if it is another version.
 */
export function register(tf: TensorFlowModule, options?: RegisterOptions): Registration {
  if (arguments.length > 2) requireNoSurplus('register', 2, arguments);
  const module = requireTensorFlow(tf);
  const { priority: given = 3, fuseLayers: isFusing = false } = requireOptions(
    'options',
    options,
    optionNames,
  );
  requireBoolean('options.fuseLayers', isFusing);
  const priority = requireFinite('options.priority', given);
  const engine = module.engine() as RegisteredEngine;
  const earlier = engine[registrationKey];
  if (earlier !== undefined) {
    if (isFusing) fuseLayers(module, earlier.fused);
    return earlier;
  }
  const cpu = module.findBackend('cpu');
  if (cpu === null) {
    throw wrongType('tf', 'TensorFlow.js with its cpu backend (import "@tensorflow/tfjs-backend-cpu")', tf);
  }
  const counters = new Map<string, Counter>();
  const NativeBackendClass = nativeBackendClass(cpu);
  module.registerBackend(backendName, () => new NativeBackendClass(), priority);
  for (const config of module.getKernelsForBackend('cpu')) {
    module.registerKernel(replaced(module, config, counters));
    const recorded = recordedKernels[config.kernelName] as string | undefined;
    if (recorded !== undefined) module.registerKernel(replaced(module, config, counters, recorded));
  }
  for (const [kernelName, kernel] of Object.entries({ ...gradientKernels, ...fusedKernels })) {
    module.registerKernel(additional(module, kernelName, kernel, counters));
  }
  registerGradients(module);
  registerFusedGradients(module);
  registerFileHandler(module);
  const registration = { ...reportOf(counters), fused: [] };
  if (isFusing) fuseLayers(module, registration.fused);
  Object.defineProperty(engine, registrationKey, { value: registration });
  return registration;
}

/**
 * The engine keeps its registration, because importers may wrap the module again, and because test runners load this package
 * several times next to one engine, which is global.
 */
const registrationKey = Symbol.for('batchnorm/tfjs');

interface RegisteredEngine extends Engine {
  readonly [registrationKey]?: Registration & { readonly fused: string[] };
}

const optionNames: readonly (keyof RegisterOptions)[] = ['priority', 'fuseLayers'];

const noAttributes: Attributes = {};

function counterOf(name: string, counters: Map<string, Counter>): Counter {
  const counter = { native: 0, javascript: 0 };
  counters.set(name, counter);
  return counter;
}

function ownCall(tf: TensorFlow, { inputs, attrs = noAttributes, backend }: KernelCall): Call {
  return { tf, inputs, attrs, backend: backend as NativeBackend };
}

/** A kernel of the cpu backend for ours, which first tries the kernel that we have instead; it may have another name. */
function replaced(
  tf: TensorFlow,
  config: KernelConfig,
  counters: Map<string, Counter>,
  name = config.kernelName,
): KernelConfig {
  const { kernelName, kernelFunc } = config;
  const kernel = kernels[kernelName] as Kernel | undefined;
  const counter = counterOf(name, counters);
  return {
    ...config,
    kernelName: name,
    backendName,
    kernelFunc: (call) => {
      const result = kernel?.(ownCall(tf, call));
      if (result === undefined) {
        counter.javascript++;
        return kernelFunc(call);
      }
      counter.native++;
      return result;
    },
  };
}

/** Names under which our layers run kernels that TensorFlow.js runs without recording them for a gradient. */
const recordedKernels: Readonly<Record<string, string>> = {
  FusedConv2D: 'BatchnormConvolution',
  _FusedMatMul: 'BatchnormDense',
};

/** A kernel that only our gradients and layers call, with arguments that it takes. */
function additional(
  tf: TensorFlow,
  kernelName: string,
  kernel: Kernel,
  counters: Map<string, Counter>,
): KernelConfig {
  const counter = counterOf(kernelName, counters);
  return {
    kernelName,
    backendName,
    kernelFunc: (call) => {
      const result = kernel(ownCall(tf, call));
      if (result === undefined) {
        throw plainError('ERR_BATCHNORM_INTERNAL', `Expected inputs that ${kernelName} takes`);
      }
      counter.native++;
      return result;
    },
  };
}

function reportOf(counters: Map<string, Counter>): Omit<Registration, 'fused'> {
  const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);
  return {
    name: backendName,
    backend: native.info,
    kernels: Object.keys(kernels).sort(),
    calls: () =>
      Object.fromEntries(
        [...counters]
          .filter(([, { native, javascript }]) => native + javascript > 0)
          .sort(byName)
          .map(([name, counts]) => [name, { ...counts }]),
      ),
    resetCalls: () => {
      for (const counter of counters.values()) Object.assign(counter, { native: 0, javascript: 0 });
    },
  };
}
