/** Allocations of array memory, of which one is refused. */
export interface RefusedAllocations {
  /** Refuses the allocation with this number, counted from 1 and from now on; 0 for none. */
  refuse(number: number): void;
  /** Whether one was refused since then. */
  readonly refused: boolean;
  /** Puts JavaScript's own constructors back. */
  restore(): void;
}

/**
 * Stands between everybody and the constructors of ArrayBuffer and of arrays of floats, and between them and the
 * methods that make a copy: V8 gives no other way to run out of memory at a chosen point.
 */
export function refusedAllocations(): RefusedAllocations {
  let count = 0;
  let refusedNumber = 0;
  let refused = false;
  const attempt = () => {
    count++;
    if (count !== refusedNumber) return;
    refused = true;
    // What V8 says.
    throw new RangeError('Array buffer allocation failed');
  };

  const constructors = { ArrayBuffer, Float32Array, Float64Array };
  for (const [name, constructor] of Object.entries(constructors)) {
    const guarded = new Proxy(constructor, {
      construct(target, args) {
        // An array over memory that is there takes none.
        if (!(args[0] instanceof constructors.ArrayBuffer)) attempt();
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
      // The methods stand on the prototype of all typed arrays; only what covered them goes.
      for (const name of copying) Reflect.deleteProperty(prototype, name);
    },
  };
}
