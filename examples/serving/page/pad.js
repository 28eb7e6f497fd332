// The drawing area, for mouse, pen and finger.

export class Pad {
  /** Points [x, y] of each line, from 0 to 1. */
  strokes = [];
  #svg;
  #onChange;
  /** The pointer that draws, and the line on the page. */
  #pointer;
  #line;

  /** @param onChange Called after each change of `strokes`. */
  constructor(svg, onChange) {
    this.#svg = svg;
    this.#onChange = onChange;
    svg.addEventListener('pointerdown', (event) => this.#begin(event));
    svg.addEventListener('pointermove', (event) => this.#continue(event));
    for (const type of ['pointerup', 'pointercancel']) {
      svg.addEventListener(type, (event) => {
        if (event.pointerId === this.#pointer) this.#pointer = undefined;
      });
    }
  }

  clear() {
    this.strokes = [];
    this.#pointer = undefined;
    this.#svg.replaceChildren();
    this.#onChange();
  }

  #begin(event) {
    // A second finger or another mouse button does not draw.
    if (this.#pointer !== undefined || event.button !== 0) return;
    event.preventDefault();
    this.#pointer = event.pointerId;
    // Lines continue outside of the area.
    this.#svg.setPointerCapture(event.pointerId);
    this.#line = document.createElementNS(this.#svg.namespaceURI, 'polyline');
    this.#svg.append(this.#line);
    this.strokes.push([]);
    this.#add([event]);
  }

  #continue(event) {
    if (event.pointerId !== this.#pointer) return;
    // Browsers deliver moves once per frame; the positions in between make curves smooth.
    const events = event.getCoalescedEvents?.() ?? [];
    this.#add(events.length > 0 ? events : [event]);
  }

  #add(events) {
    const { left, top, width, height } = this.#svg.getBoundingClientRect();
    const stroke = this.strokes.at(-1);
    for (const { clientX, clientY } of events) {
      stroke.push([clamp((clientX - left) / width), clamp((clientY - top) / height)]);
    }
    // A line without length would be invisible.
    const shown = stroke.length === 1 ? [stroke[0], stroke[0]] : stroke;
    this.#line.setAttribute('points', shown.map(([x, y]) => `${x.toFixed(4)},${y.toFixed(4)}`).join(' '));
    this.#onChange();
  }
}

const clamp = (value) => Math.min(Math.max(value, 0), 1);
