import { Tensor } from 'batchnorm';

/** The observable state of a value as text, which a call that throws must not change. */
export function snapshot(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null || depth > 4) return typeof value;
  if (value instanceof Tensor) return ofTensor(value as Tensor<readonly number[]>);
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer && value.byteLength === 0) return 'no bytes';
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
  }
  const parts: string[] = [];
  for (const key of Object.keys(value)) {
    parts.push(`${key}: ${snapshot((value as Record<string, unknown>)[key], depth + 1)}`);
  }
  // Settings are accessors of the class.
  for (const name of accessorsOf(value)) {
    parts.push(`${name}: ${String((value as Record<string, unknown>)[name])}`);
  }
  return `{${parts.join(', ')}}`;
}

function ofTensor(tensor: Tensor<readonly number[]>): string {
  try {
    return JSON.stringify([tensor.shape, String(tensor.array())]);
  } catch {
    return 'no values';
  }
}

function accessorsOf(value: object): string[] {
  const names: string[] = [];
  for (
    let at: unknown = Object.getPrototypeOf(value);
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (property.get !== undefined && property.set !== undefined) names.push(name);
    }
  }
  // Accessors of JavaScript itself: since Node 22, `constructor` of the iterators' prototype.
  return names.filter((name) => name !== '__proto__' && name !== 'constructor');
}
