/**
 * Measures every call into the backend of this package: its functions are replaced in place, which is why
 * contestants that are compared with others have none.
 *
 * @param backend Of dist/backend/index.js.
 * @returns A function that gives the calls that another one made: what was called, with which numbers, and its
 * milliseconds.
 */
export function stopwatch(backend) {
  let calls = [];
  for (const [name, call] of Object.entries(backend)) {
    if (typeof call !== 'function') continue;
    backend[name] = (...args) => {
      const begin = performance.now();
      const result = call(...args);
      const milliseconds = performance.now() - begin;
      calls.push({ name, sizes: args.filter((each) => typeof each === 'number'), milliseconds });
      return result;
    };
  }
  return (run) => {
    calls = [];
    run();
    return calls;
  };
}
