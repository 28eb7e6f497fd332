import { nameOf } from '../shapes.mjs';

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Half the interquartile range relative to the median. */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part) => sorted[Math.round(part * (sorted.length - 1))];
  return (at(0.75) - at(0.25)) / 2 / at(0.5);
}

/** The contract of the design, section 5: times the floor. */
export const limits = { inference: 1.15, training: 1.6, backward: 1.8 };

/** Times below this give unreliable ratios. */
const smallestWithLimit = 1e6;

/** One row for each case and kernel: floor, ours, and each peer in its best layout, in milliseconds. */
export function figures({ cases, lastLevelCache }) {
  return cases.flatMap(({ shape, threads, milliseconds }) => {
    const of = (contestant, name) => {
      const values = milliseconds[contestant]?.[name];
      return values === undefined ? undefined : median(values);
    };
    const best = (contestant, kernel) => {
      const found = Object.keys(milliseconds[contestant] ?? {})
        .filter((name) => name === kernel || name.startsWith(`${kernel}, `))
        .map((name) => ({ layout: name.split(', ')[1], time: of(contestant, name) }));
      return found.sort((a, b) => a.time - b.time)[0];
    };
    const bytes = 4 * shape.reduce((product, size) => product * size, 1);
    const copy = best('kernels', 'copy').time;
    const triad = best('kernels', 'triad').time;
    const large = bytes > lastLevelCache / 2;
    const floors = {
      inference: copy,
      training: large ? copy : best('kernels', 'read').time + copy,
      backward: large ? triad : best('kernels', 'read both').time + triad,
    };
    return Object.keys(limits).map((kernel) => ({
      shape: nameOf(shape),
      threads,
      kernel,
      floor: floors[kernel],
      twoPhases: of('kernels', `two phases of ${kernel}`),
      ours: of('kernels', kernel),
      spread: spread(milliseconds.kernels[kernel]),
      raw: of('batchnorm', `raw ${kernel}`),
      module: of('batchnorm', kernel),
      oneDNN: best('oneDNN', kernel),
      oneDNNPlain: of('oneDNN', `${kernel}, nchw`),
      pyTorch: best('PyTorch', kernel),
      onnxruntime: best('onnxruntime', kernel),
      limit: bytes >= smallestWithLimit ? limits[kernel] : undefined,
    }));
  });
}

/** Training forward and backward through the tape, compared with TensorFlow.js where it took part. */
export function steps({ cases }) {
  return cases.map(({ shape, threads, milliseconds }) => {
    const of = (contestant, name) => {
      const values = milliseconds[contestant]?.[name];
      return values === undefined ? undefined : median(values);
    };
    return {
      shape: nameOf(shape),
      threads,
      ours: of('batchnorm', 'forward + backward'),
      tensorflow: of('TensorFlow.js', 'forward + backward'),
    };
  });
}
