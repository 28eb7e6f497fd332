import { missingMethod } from '../validation/errors.js';
import type { Shape } from '../core/shape.js';
import {
  isTaped,
  isTensor,
  requiresGradient,
  setRequiresGradient,
  storageOf,
  type Tensor,
} from '../core/tensor.js';
import { clonePart, copyOnce, sharingCopies } from './compose/part.js';
import { layerType } from './layer-description.js';
import { type HasMembers, isModule, keyOfField, membersOf } from './members.js';
import { requireInFields } from './npz-members.js';

/** Copies a module of any class and the content of its fields, without running a constructor. */
export function copyModule<M extends HasMembers>(module: M): M {
  requireInFields(module, 'clone');
  return sharingCopies(() => copyOnce(module, (note) => copyFields(module, note)));
}

function copyFields<M extends HasMembers>(module: M, note: (copy: M) => void): M {
  const prototype: object = Object.getPrototypeOf(module) as object;
  const copy = Object.create(prototype) as M;
  note(copy);
  // Refuses arrays that contain themselves.
  module[membersOf]();
  for (const field of Reflect.ownKeys(module)) {
    const property = Object.getOwnPropertyDescriptor(module, field) ?? {};
    if (typeof property.value === 'function' && field in prototype) {
      // A replaced method probably refers to the original object.
      if (field !== 'forward' && field !== 'forwardMut') continue;
      throw missingMethod('clone', layerType(module), `, whose ${field}() was replaced, but it is inherited`);
    }
    const value: unknown =
      'value' in property ? copyValue(module, keyOf(module, field), property.value) : undefined;
    // Configurable, because clone() replaces the mutable state, also in the copy of a frozen module.
    const copied = 'value' in property ? { ...property, value } : property;
    Object.defineProperty(copy, field, { ...copied, configurable: true });
  }
  return copy;
}

function copyValue(module: HasMembers, key: string, value: unknown): unknown {
  if (isTensor(value)) return isTaped(value) ? value : copyTensor(value as Tensor<Shape>);
  if (Array.isArray(value)) {
    const copy = (value as readonly unknown[]).map((each, i) =>
      copyValue(module, key === '' ? String(i) : `${key}.${i}`, each),
    );
    return Object.isFrozen(value) ? Object.freeze(copy) : copy;
  }
  return isModule(value) ? clonePart(module, key, value) : value;
}

function copyTensor(tensor: Tensor<Shape>): Tensor<Shape> {
  return copyOnce(tensor, (note) => {
    const copy = tensor.clone();
    storageOf(copy).label = storageOf(tensor).label;
    setRequiresGradient(copy, requiresGradient(tensor));
    note(copy);
    return copy;
  });
}

/** The name of a field in `parameters()`. */
function keyOf(module: HasMembers, field: string | symbol): string {
  return typeof field === 'string' ? module[keyOfField](field) : String(field);
}
