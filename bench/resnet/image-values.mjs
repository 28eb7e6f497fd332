/** Values of images of this shape, the same for every contestant. */
export function imageValues(shape) {
  const count = shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length: count }, (_, i) => Math.sin(i));
}
