/** The measured shapes: images, channels, rows, columns. The last one is a single image, which is 3D in our API and a
 * batch of one for contestants without 3D input. */
export const shapes = [
  [32, 64, 112, 112],
  [32, 256, 56, 56],
  [32, 512, 28, 28],
  [64, 512, 28, 28],
  [32, 1024, 14, 14],
  [32, 2048, 7, 7],
  [256, 512, 1, 1],
  [8, 64, 32, 32],
  [1, 64, 224, 224],
  [64, 224, 224],
];

export const nameOf = (shape) => `${shape.length === 3 ? 'CHW ' : ''}${shape.join('×')}`;
