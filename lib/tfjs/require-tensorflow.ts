import { wrongType, wrongValue } from '../validation/errors.js';
import type { TensorFlow } from './tensorflow.js';

const functions = [
  ...[
    'backend',
    'engine',
    'findBackend',
    'getBackend',
    'getGradient',
    'getKernelsForBackend',
    'registerBackend',
  ],
  ...['registerGradient', 'registerKernel', 'tidy', 'unregisterGradient', 'variable', 'zerosLike'],
];
const objects = ['backend_util', 'io', 'slice_util'];

/** Checks that a value is a version of TensorFlow.js that has everything that the backend uses. */
export function requireTensorFlow(tf: unknown): TensorFlow {
  const expected = 'the module @tensorflow/tfjs or @tensorflow/tfjs-core';
  if ((typeof tf !== 'object' && typeof tf !== 'function') || tf === null) {
    throw wrongType('tf', expected, tf);
  }
  const module = tf as Partial<Record<string, unknown>>;
  // First, because other versions lack functions, too.
  const { version_core: version } = module;
  if (typeof version === 'string' && !isSupported(version)) {
    throw wrongValue('tf', 'TensorFlow.js 4.20 or a later 4', `version ${version}`);
  }
  for (const name of functions) {
    if (typeof module[name] !== 'function') throw wrongType('tf', `${expected} with ${name}()`, tf);
  }
  for (const name of objects) {
    if (typeof module[name] !== 'object') throw wrongType('tf', `${expected} with ${name}`, tf);
  }
  return tf as TensorFlow;
}

function isSupported(version: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major === 4 && minor >= 20;
}
