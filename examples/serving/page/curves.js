// A curve over training steps as SVG, drawn at the size of its element, so that text keeps its size.

const MARGIN = { left: 54, right: 12, top: 10, bottom: 24 };

/** Draws and redraws a curve. */
export class Curve {
  #svg;
  #scaleOf;
  #points = [];

  /** @param scaleOf Maps values to an axis: `logarithmic` or `percent`. */
  constructor(svg, scaleOf) {
    this.#svg = svg;
    this.#scaleOf = scaleOf;
    new ResizeObserver(() => this.#draw()).observe(svg);
  }

  /** @param points [step, value]; values that are null, as of a diverged training, leave a gap. */
  show(points) {
    this.#points = points;
    this.#draw();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#svg;
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const finite = this.#points.filter(([, value]) => value !== null);
    const scale = this.#scaleOf(finite.map(([, value]) => value));
    const firstStep = this.#points[0]?.[0] ?? 0;
    const lastStep = Math.max(this.#points.at(-1)?.[0] ?? 0, firstStep + 1);
    const x = (step) =>
      MARGIN.left + ((step - firstStep) / (lastStep - firstStep)) * (width - MARGIN.left - MARGIN.right);
    const y = (value) =>
      height - MARGIN.bottom - scale.position(value) * (height - MARGIN.top - MARGIN.bottom);
    const parts = scale.ticks.flatMap(({ value, text }) => [
      element('line', { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      label(text, { x: MARGIN.left - 6, y: y(value) + 4, 'text-anchor': 'end' }),
    ]);
    if (finite.length > 0) {
      parts.push(
        label(`step ${firstStep.toLocaleString('en')}`, { x: MARGIN.left, y: height - 6 }),
        label(lastStep.toLocaleString('en'), {
          x: width - MARGIN.right,
          y: height - 6,
          'text-anchor': 'end',
        }),
      );
    }
    for (const piece of piecesOf(this.#points)) {
      const points = piece.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`);
      parts.push(element('polyline', { points: points.join(' ') }));
    }
    this.#svg.replaceChildren(...parts);
  }
}

/** Whole powers of ten around the values. */
export function logarithmic(values) {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) positive.push(1);
  const low = Math.floor(Math.log10(Math.min(...positive)));
  const high = Math.max(Math.ceil(Math.log10(Math.max(...positive))), low + 1);
  return {
    position: (value) => (Math.max(Math.log10(value), low) - low) / (high - low),
    ticks: Array.from({ length: high - low + 1 }, (_, i) => {
      const exponent = low + i;
      // Number(): 10 ** -3 is not exactly 0.001.
      const text = exponent < -4 ? `1e${exponent}` : String(Number(`1e${exponent}`));
      return { value: 10 ** exponent, text };
    }),
  };
}

/** From the largest of 0, 50, 80, 90 and 95 % below all values to 100 %. */
export function percent(values) {
  const low =
    [95, 90, 80, 50].find((bound) => values.length > 0 && values.every((v) => 100 * v >= bound)) ?? 0;
  return {
    position: (value) => (100 * value - low) / (100 - low),
    ticks: [low, (low + 100) / 2, 100].map((value) => ({ value: value / 100, text: `${value} %` })),
  };
}

/** The consecutive points with a value. */
function piecesOf(points) {
  const pieces = [[]];
  for (const point of points) {
    if (point[1] === null) pieces.push([]);
    else pieces.at(-1).push(point);
  }
  return pieces.filter((piece) => piece.length > 0);
}

function label(text, attributes) {
  const made = element('text', attributes);
  made.textContent = text;
  return made;
}

function element(name, attributes) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
