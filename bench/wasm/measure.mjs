// Prints the milliseconds of each piece of work on the backend that the environment chooses, medians.
import { backward, BatchNorm2D, Conv2D, Tensor } from '../../dist/index.js';
import { median } from '../resnet/median.mjs';
import { trainingStep } from '../resnet/training-step.mjs';

const rng = () => 0.5;
const convolution = new Conv2D(32, 32, 3, { padding: 1, rng });
const image = Tensor.randn([16, 32, 28, 28]);
const norm = new BatchNorm2D(64);
const planes = Tensor.randn([32, 64, 56, 56]);

const works = {
  'convolution 3×3, 16×32×28×28, forward': () => convolution.forward(image).dispose(),
  'batch norm 32×64×56×56, training': () => norm.forwardMut(planes.trace({ gradient: false })).dispose(),
  'batch norm 32×64×56×56, inference': () => norm.forward(planes).dispose(),
  'batch norm 32×64×56×56, forward and backward': () => {
    backward(norm.forwardMut(planes.trace()).mean()).dispose();
  },
  'ResNet-8, a step on 64 images': trainingStep(64),
};
const result = {};
for (const [name, work] of Object.entries(works)) {
  for (let i = 0; i < 3; i++) work();
  const times = [];
  for (let i = 0; i < 9; i++) {
    const begin = performance.now();
    work();
    times.push(performance.now() - begin);
  }
  result[name] = median(times);
}
console.log(JSON.stringify(result));
