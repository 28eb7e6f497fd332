// Signals: a 1D network tells three waveforms apart, whatever their frequency, phase and noise.
import {
  Adam,
  AdaptiveAvgPool1D,
  backward,
  BatchNorm1D,
  Conv1D,
  crossEntropyWithLogitsLoss,
  Flatten,
  Linear,
  MaxPool1D,
  randomGenerator,
  ReLU,
  Sequential,
  Tensor,
} from 'batchnorm';

const rng = randomGenerator(7);
const [count, trained, length] = [900, 720, 64] as const;

// A sine, a square and a sawtooth wave of two to six periods, with noise.
const waves = [
  (t: number) => Math.sin(2 * Math.PI * t),
  (t: number) => (t % 1 < 0.5 ? 1 : -1),
  (t: number) => 2 * (t % 1) - 1,
];
const classes = Array.from({ length: count }, (_, i) => i % waves.length);
const samples = classes.map((kind) => {
  const [periods, phase] = [2 + 4 * rng(), rng()];
  return Array.from({ length }, (_, i) => waves[kind]((periods * i) / length + phase) + 0.5 * (rng() - 0.5));
});
const signals = Tensor.from(samples, [count, length]).reshape([count, 1, length]);

const net = new Sequential(
  new Conv1D(1, 8, 7, { padding: 'same', bias: false, rng }),
  new BatchNorm1D(8),
  new ReLU(),
  new MaxPool1D(2, { stride: 2 }),
  new Conv1D(8, 16, 5, { padding: 'same', bias: false, rng }),
  new BatchNorm1D(16),
  new ReLU(),
  new AdaptiveAvgPool1D(1),
  new Flatten(1),
  new Linear(16, 3, { rng }),
);

const adam = new Adam({ lr: 0.01 });
const size = 60;
for (let epoch = 0; epoch < 5; epoch++) {
  for (let start = 0; start < trained; start += size) {
    const x = signals.slice({ axis: 0, start, end: start + size });
    const logits = net.forwardMut(x.trace({ gradient: false }));
    adam.update(net, backward(crossEntropyWithLogitsLoss(logits, classes.slice(start, start + size))));
  }
}

// The share of right answers on signals that the network has not seen.
const answers = net.forward(signals.slice({ axis: 0, start: trained })).argmax({ axis: 1 }).data;
const right = answers.filter((answer, i) => answer === classes[trained + i]).length;
console.log(right / (count - trained) > 0.95); // true
