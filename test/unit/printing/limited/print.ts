// Prints large tensors and layers with little memory left, and reports how each attempt ended.
import { inspect } from 'node:util';
import { BatchNorm2D, Linear, moduleFromJSON, Sequential, Tensor } from 'batchnorm';

/** How one attempt ended. */
export interface Outcome {
  readonly name: string;
  /** `none`, or class and message. */
  readonly error: string;
}

const norm = new BatchNorm2D(2 ** 20);
const net = new Sequential(new Linear(2 ** 11, 2 ** 11, { rng: () => 0.5 }));
const tensor = Tensor.zeros([2 ** 22]);
const held: unknown[] = [];

// The memory left under ulimit -v is too little for JSON and enough for V8.
if (process.argv[2] === 'fill') {
  try {
    for (;;) held.push(Tensor.zeros([2 ** 20]));
  } catch {
    held.length -= 2;
  }
}

attempt('text of BatchNorm2D', () => String(norm));
attempt('text of Sequential', () => inspect(net));
attempt('text of Tensor', () => inspect(tensor));
attempt('JSON of BatchNorm2D', () => JSON.stringify(norm));
attempt('JSON of Sequential', () => JSON.stringify(net));
attempt('JSON of Tensor', () => JSON.stringify(tensor));

// The process still computes.
const copy = moduleFromJSON(JSON.parse(JSON.stringify(new Linear(2, 2)))) as Linear<2, 2>;
if (copy.forward(Tensor.ones([1, 2])).shape[1] !== 2) throw new Error('Expected two columns');

function attempt(name: string, act: () => string): void {
  let error = 'none';
  try {
    act();
  } catch (caught) {
    error = String(caught);
  }
  console.log(JSON.stringify({ name, error } satisfies Outcome));
}
