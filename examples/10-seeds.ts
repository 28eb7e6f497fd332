// Seeds: the same seed gives the same weights, on every platform.
import { Linear, randomGenerator, Tensor } from 'batchnorm';

const one = new Linear(3, 2, { rng: randomGenerator(42) });
const two = new Linear(3, 2, { rng: randomGenerator(42) });
console.log(String(one.weight.data) === String(two.weight.data)); // true
console.log(one.weight.array()[0][0].toFixed(6)); // -0.144869

two.resetParams(randomGenerator(7));
console.log(two.weight.array()[0][0].toFixed(6)); // -0.489237
const noise = Tensor.randn([2], { rng: randomGenerator(1) });
console.log(noise.array().map((value) => value.toFixed(6))); // [ '-0.192580', '-1.020845' ]
