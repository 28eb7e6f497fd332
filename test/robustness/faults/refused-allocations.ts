/** Intercepts array allocations to make one fail. */
export interface RefusedAllocations {
  /** Makes the nth allocation from now on fail, counted from 1; 0 for none. */
  refuse(number: number): void;
  /** Whether an allocation has failed since then. */
  readonly refused: boolean;
  /** Restores JavaScript's own constructors. */
  restore(): void;
}

/**
 * Wraps the constructors of ArrayBuffer and of float arrays, and the methods that copy them: V8 has no other way to run
 * out of memory at a chosen point.
 */
export function refusedAllocations(): RefusedAllocations {
  let count = 0;
  let refusedNumber = 0;
  let refused = false;
  const attempt = () => {
    count++;
    if (count !== refusedNumber) return;
    refused = true;
    // V8's message.
    throw new RangeError('Array buffer allocation failed');
  };

  const constructors = { ArrayBuffer, Float32Array, Float64Array };
  for (const [name, constructor] of Object.entries(constructors)) {
    const guarded = new Proxy(constructor, {
      construct(target, args) {
        // An array over existing memory, which threads of WebAssembly share, allocates none.
        const [memory] = args as unknown[];
        if (!(memory instanceof constructors.ArrayBuffer || memory instanceof SharedArrayBuffer)) attempt();
        return Reflect.construct(target, args) as object;
      },
    });
    Object.defineProperty(globalThis, name, { value: guarded, configurable: true, writable: true });
  }
  const prototype = constructors.Float32Array.prototype as unknown as Record<string, unknown>;
  const copying = ['slice', 'map', 'filter'];
  for (const name of copying) {
    const method = (prototype as Record<string, (...args: unknown[]) => unknown>)[name];
    Object.defineProperty(prototype, name, {
      value(this: Float32Array, ...args: unknown[]) {
        attempt();
        return method.apply(this, args);
      },
      configurable: true,
      writable: true,
    });
  }

  return {
    refuse(number) {
      count = 0;
      refusedNumber = number;
      refused = false;
    },
    get refused() {
      return refused;
    },
    restore() {
      for (const [name, value] of Object.entries(constructors)) {
        Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
      }
      // The original methods are on the prototype of all typed arrays: removing the overrides restores them.
      for (const name of copying) Reflect.deleteProperty(prototype, name);
    },
  };
}
