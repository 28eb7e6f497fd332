// Gradients: trace() starts a tape, backward() follows it.
import { backward, Tensor } from 'batchnorm';

const x = Tensor.from([1, 2, 3], [3]);
const w = Tensor.from([0.5, 0.5, 0.5], [3]);

// Everything computed from x.trace() is recorded. backward() takes a scalar.
const loss = x.trace().mul(w).square().sum();
console.log(loss.item()); // 3.5
const gradients = backward(loss);

// Look up gradients by leaf tensor: d loss / d w = 2 w x^2.
console.log(gradients.get(w)?.array()); // [ 1, 4, 9 ]
console.log(gradients.get(x)?.array()); // [ 0.5, 1, 1.5 ]

// backward() releases the memory of the graph. List tensors that you want to read later in `keep`.
const hidden = x.trace().mul(w);
backward(hidden.sum(), { keep: [hidden] });
console.log(hidden.array()); // [ 0.5, 1, 1.5 ]

// Micro-batches: accumulate into the gradients of earlier calls.
const sum = backward(x.trace().mul(w).sum());
backward(x.trace().mul(w).sum(), { into: sum });
console.log(sum.get(w)?.array()); // [ 2, 4, 6 ]
