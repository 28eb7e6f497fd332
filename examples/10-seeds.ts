// Seeds: the same seed gives the same weights, on every platform.
import { Linear, Tensor } from 'batchnorm';
import { randomSource } from './random-source.js';

const one = new Linear(3, 2, { rng: randomSource(42) });
const two = new Linear(3, 2, { rng: randomSource(42) });
console.log(String(one.weight.data) === String(two.weight.data)); // true
console.log(one.weight.array()[0][0].toFixed(6)); // 0.543364

two.resetParams(randomSource(7));
console.log(two.weight.array()[0][0].toFixed(6)); // 0.443094
const noise = Tensor.randn([2], { rng: randomSource(1) });
console.log(noise.array().map((value) => value.toFixed(6))); // [ '1.232826', '0.904814' ]
