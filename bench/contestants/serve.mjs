// The protocol of bench/native/server.h for contestants in JavaScript.
import { createInterface } from 'node:readline';

/** `prepare(shape, threads)` returns functions by name, which may be asynchronous. */
export async function serve(prepare) {
  let runs = {};
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, ...rest] = line.split(' ');
    if (command === 'case') {
      const [images, channels, rows, columns, threads] = rest.map(Number);
      runs = await prepare({ images, channels, rows, columns }, threads);
      console.log(JSON.stringify(Object.keys(runs)));
      continue;
    }
    const repeats = Number(rest[0]);
    const run = runs[rest.slice(1).join(' ')];
    await run();
    const begin = performance.now();
    for (let i = 0; i < repeats; i++) {
      // Awaiting a plain value would cost a turn of the event loop in every call.
      const pending = run();
      if (pending !== undefined) await pending;
    }
    console.log((performance.now() - begin) / repeats);
  }
}
