// Tables: a multilayer perceptron predicts a number from columns of very different sizes.
import {
  Adam,
  backward,
  BatchNorm1D,
  Linear,
  mseLoss,
  randomGenerator,
  ReLU,
  Sequential,
  Tensor,
} from 'batchnorm';

const rng = randomGenerator(3);

// 1,200 cars: age in years, kilometers, and consumption in liters per kilometer.
const count = 1200;
const rows = Array.from({ length: count }, () => [20 * rng(), 300_000 * rng(), 0.04 + 0.08 * rng()]);
// Price in thousands: it falls with age and distance, faster for a thirsty car.
const prices = rows.map(([age, distance, consumption]) => [
  30 * Math.exp(-age / 8 - distance / 400_000) * (1.5 - 8 * consumption),
]);
const cars = Tensor.from(rows, [count, 3]);
const targets = Tensor.from(prices, [count, 1]);
const [trainCars, testCars] = [cars.slice({ axis: 0, end: 1000 }), cars.slice({ axis: 0, start: 1000 })];
const [trainTargets, testTargets] = [
  targets.slice({ axis: 0, end: 1000 }),
  targets.slice({ axis: 0, start: 1000 }),
];

// The first norm brings the columns to one scale, so they need no preparation.
const net = new Sequential(
  new BatchNorm1D(3),
  new Linear(3, 32, { rng }),
  new BatchNorm1D(32),
  new ReLU(),
  new Linear(32, 32, { rng }),
  new BatchNorm1D(32),
  new ReLU(),
  new Linear(32, 1, { rng }),
);

const adam = new Adam({ lr: 0.01 });
const size = 100;
for (let epoch = 0; epoch < 30; epoch++) {
  for (let start = 0; start < 1000; start += size) {
    const batch = { axis: 0, start, end: start + size };
    const loss = mseLoss(net.forwardMut(trainCars.slice(batch).trace()), trainTargets.slice(batch));
    adam.update(net, backward(loss));
  }
}

// The share of the variance of prices that the network explains (R squared), on cars that it has not seen.
const error = mseLoss(net.forward(testCars), testTargets).item();
const variance = testTargets.sub(testTargets.mean()).square().mean().item();
console.log(1 - error / variance > 0.98); // true
