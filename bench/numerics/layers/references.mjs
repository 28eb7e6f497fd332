// The operations in double precision, each result with the scale of its errors.

/** The smallest normal float: errors of smaller values are relative to it, since subnormal floats lose bits. */
const least = 2 ** -126;
const itself = (value) => Math.max(Math.abs(value), least);

/** Sums, and sums of magnitudes. */
class Sums {
  constructor(length) {
    this.expected = new Float64Array(length);
    this.scale = new Float64Array(length);
  }
  add(place, term) {
    this.expected[place] += term;
    this.scale[place] += Math.abs(term);
  }
}

/** Values with individual scales. */
function valuesOf(length, value, scale) {
  const expected = Float64Array.from({ length }, (_, i) => value(i));
  return { expected, scale: expected.map((each, i) => scale(each, i)) };
}

function convolution(
  [, inChannels, height, width, outChannels, kernel, stride, padding],
  [x, weight, bias, dy],
) {
  const outHeight = Math.floor((height + 2 * padding - kernel) / stride) + 1;
  const outWidth = Math.floor((width + 2 * padding - kernel) / stride) + 1;
  const [y, dx, dweight, dbias] = [dy, x, weight, bias].map(({ length }) => new Sums(length));
  for (let j = 0; j < dy.length; j++) {
    const column = (j % outWidth) * stride - padding;
    const row = (Math.floor(j / outWidth) % outHeight) * stride - padding;
    const plane = Math.floor(j / outWidth / outHeight);
    const outChannel = plane % outChannels;
    const image = Math.floor(plane / outChannels);
    y.add(j, bias[outChannel]);
    dbias.add(outChannel, dy[j]);
    for (let channel = 0; channel < inChannels; channel++) {
      for (let t = Math.max(0, -row); t < Math.min(kernel, height - row); t++) {
        for (let u = Math.max(0, -column); u < Math.min(kernel, width - column); u++) {
          const i = ((image * inChannels + channel) * height + row + t) * width + column + u;
          const k = ((outChannel * inChannels + channel) * kernel + t) * kernel + u;
          y.add(j, x[i] * weight[k]);
          dx.add(i, dy[j] * weight[k]);
          dweight.add(k, dy[j] * x[i]);
        }
      }
    }
  }
  return { y, dx, dw: dweight, db: dbias };
}

/** The elements of each window, row-major. */
function* windows([planes, height, width, kernel, stride, padding]) {
  const rows = Math.floor((height + 2 * padding - kernel) / stride) + 1;
  const columns = Math.floor((width + 2 * padding - kernel) / stride) + 1;
  for (let window = 0; window < planes * rows * columns; window++) {
    const plane = Math.floor(window / (rows * columns)) * height * width;
    const top = (Math.floor(window / columns) % rows) * stride - padding;
    const left = (window % columns) * stride - padding;
    const places = [];
    for (let row = Math.max(0, top); row < Math.min(height, top + kernel); row++) {
      for (let column = Math.max(0, left); column < Math.min(width, left + kernel); column++) {
        places.push(plane + row * width + column);
      }
    }
    yield [window, places];
  }
}

function maxPool(sizes, [x, dy]) {
  const y = new Sums(dy.length);
  const dx = new Sums(x.length);
  for (const [window, places] of windows(sizes)) {
    const largest = places.reduce((best, place) => (x[place] > x[best] ? place : best));
    y.add(window, x[largest]);
    dx.add(largest, dy[window]);
  }
  return { y, dx };
}

function avgPool(sizes, [x, dy]) {
  const count = sizes[3] ** 2;
  const y = new Sums(dy.length);
  const dx = new Sums(x.length);
  for (const [window, places] of windows(sizes)) {
    for (const place of places) {
      y.add(window, x[place] / count);
      dx.add(place, dy[window] / count);
    }
  }
  return { y, dx };
}

/** The distance of each logit from the row's largest one, and the logarithm of the row's sum of exp(-distance). */
function distances([rows, columns], x) {
  const distance = new Float64Array(x.length);
  const logSums = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let largest = start;
    for (let i = start; i < start + columns; i++) if (x[i] > x[largest]) largest = i;
    let rest = 0; // without the 1 of the largest, in which small terms would be lost
    for (let i = start; i < start + columns; i++) {
      distance[i] = x[largest] - x[i];
      if (i !== largest) rest += Math.exp(-distance[i]);
    }
    logSums[row] = Math.log1p(rest);
  }
  return { distance, logSums, logOf: (i) => -distance[i] - logSums[Math.floor(i / columns)] };
}

/** If a class is nearly certain, its logarithm consists of rounding errors of a double precision sum below this. */
const minLogarithm = 1e-9;
const logarithm = (value) => Math.max(Math.abs(value), minLogarithm);

function rowSums(columns, length, term) {
  const sums = new Sums(length / columns);
  for (let i = 0; i < length; i++) sums.add(Math.floor(i / columns), term(i));
  return (i) => ({
    sum: sums.expected[Math.floor(i / columns)],
    size: sums.scale[Math.floor(i / columns)],
  });
}

function softmax(sizes, [x, dy]) {
  const { logOf } = distances(sizes, x);
  const y = valuesOf(x.length, (i) => Math.exp(logOf(i)), itself);
  const products = rowSums(sizes[1], x.length, (i) => y.expected[i] * dy[i]);
  const dx = valuesOf(
    x.length,
    (i) => y.expected[i] * (dy[i] - products(i).sum),
    (_, i) => itself(y.expected[i] * (Math.abs(dy[i]) + products(i).size)),
  );
  return { y, dx };
}

function logSoftmax(sizes, [x, dy]) {
  const { logOf } = distances(sizes, x);
  const y = valuesOf(x.length, logOf, logarithm);
  const ofRow = rowSums(sizes[1], x.length, (i) => dy[i]);
  const dx = valuesOf(
    x.length,
    (i) => dy[i] - Math.exp(logOf(i)) * ofRow(i).sum,
    (_, i) => Math.abs(dy[i]) + Math.exp(logOf(i)) * ofRow(i).size,
  );
  return { y, dx };
}

/** The gradient relative to the row's largest: if the right class is nearly certain, all gradients are small. */
function crossEntropy(sizes, [x, classes]) {
  const [rows, columns] = sizes;
  const { distance, logSums, logOf } = distances(sizes, x);
  let loss = 0;
  for (let row = 0; row < rows; row++) loss -= logOf(row * columns + classes[row]) / rows;
  const probability = (i) => Math.exp(logOf(i));
  const dx = valuesOf(
    x.length,
    (i) => {
      const row = Math.floor(i / columns);
      if (i % columns !== classes[row]) return probability(i) / rows;
      return Math.expm1(-distance[i] - logSums[row]) / rows;
    },
    () => 0,
  );
  for (let row = 0; row < rows; row++) {
    const of = dx.expected.subarray(row * columns, (row + 1) * columns);
    let largest = minLogarithm / rows;
    for (const each of of) largest = Math.max(largest, Math.abs(each));
    dx.scale.fill(largest, row * columns, (row + 1) * columns);
  }
  return { loss: { expected: [loss], scale: [logarithm(loss)] }, dx };
}

const logistic = (x) => 1 / (1 + Math.exp(-x));
const geluArgument = (x) => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

const functions = {
  exp: Math.exp,
  log: Math.log,
  sigmoid: logistic,
  tanh: Math.tanh,
  gelu: (x) => x * logistic(geluArgument(x)),
};
const derivatives = {
  sigmoid: (x) => logistic(x) * logistic(-x),
  tanh: (x) => 1 / Math.cosh(x) ** 2,
  gelu: (x) => {
    const u = geluArgument(x);
    const inner = 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2);
    const slope = logistic(u) * logistic(-u);
    return logistic(u) + (slope === 0 ? 0 : x * slope * inner);
  },
};

function activation(name) {
  const [of, slope] = [functions[name], derivatives[name]];
  // The argument of GeLU's exp is rounded and as large as 100.
  const scaleOf = name === 'gelu' ? (value, x) => Math.max(itself(value), 1e-7 * Math.abs(x)) : itself;
  return (_, [x, dy]) => {
    const y = valuesOf(
      x.length,
      (i) => of(x[i]),
      (value, i) => scaleOf(value, x[i]),
    );
    if (slope === undefined) return { y };
    return {
      y,
      dx: valuesOf(
        x.length,
        (i) => slope(x[i]) * dy[i],
        (_value, i) => itself(dy[i]),
      ),
    };
  };
}

const operations = { convolution, maxPool, avgPool, softmax, logSoftmax, crossEntropy };
for (const name of Object.keys(functions)) operations[name] = activation(name);

/** The results of a case in order, each with `expected` and the `scale` of its errors. */
export function reference({ operation, sizes, inputs }) {
  return operations[operation](sizes, inputs);
}

/** The largest error of a result, relative to its scale. */
export function worstError(got, { expected, scale }) {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    if (got[i] === expected[i]) continue; // including infinities
    const error = Math.abs(got[i] - expected[i]) / scale[i];
    if (!(error <= worst)) worst = error; // including NaN
    if (Number.isNaN(worst)) return worst;
  }
  return worst;
}
