/**
 * Measures every call into the backend of this package by replacing its functions. The overhead is why contestants in
 * comparisons do not use it.
 *
 * @param backend Of dist/backend/index.js.
 * @returns A function that runs another one and returns its backend calls: name, numeric arguments and milliseconds.
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
