import { crossEntropyWithLogitsLoss, fit, Linear, Sgd, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { ProgressBar } from '#lib/training/progress';

const erase = '\x1b[K';
const tokens = new RegExp(`\\r|\\n|${erase.replace('[', '\\[')}|[^\\r\\n${erase[0]}]+`, 'g');

/** The lines that a terminal shows. */
function screen(texts: readonly string[]): readonly string[] {
  const lines = [''];
  let column = 0;
  for (const part of texts.join('').match(tokens) ?? []) {
    const line = lines[lines.length - 1];
    if (part === '\n') lines.push('');
    else if (part === erase) lines[lines.length - 1] = line.slice(0, column);
    else if (part !== '\r')
      lines[lines.length - 1] = line.slice(0, column) + part + line.slice(column + part.length);
    column = part === '\r' || part === '\n' ? 0 : part === erase ? column : column + part.length;
  }
  return lines;
}

describe('the progress bar of fit', () => {
  it('is drawn at most ten times a second, and replaced by the scores of the epoch', () => {
    let time = 0;
    const texts: string[] = [];
    const stream = { columns: 80, write: (text: string) => texts.push(text) };
    const bar = new ProgressBar(stream, () => time);
    bar.step('epoch 1/2', 1, 4, { loss: 0.123456 });
    expect(screen(texts).at(-1)).to.equal('epoch 1/2 [======>                 ] 1/4, loss 0.1235');
    time = 50;
    bar.step('epoch 1/2', 2, 4, { loss: 0.5 });
    expect(texts.length).to.equal(1);
    time = 100;
    bar.step('epoch 1/2', 4, 4, { loss: 0.5, accuracy: 1 });
    expect(screen(texts).at(-1)).to.equal('epoch 1/2 [========================] 4/4, loss 0.5, accuracy 1');
    bar.epoch('epoch 1/2: loss 0.5');
    bar.step('epoch 2/2', 7, undefined, { loss: 2 });
    expect(screen(texts)).to.deep.equal(['epoch 1/2: loss 0.5', 'epoch 2/2 step 7, loss 2']);
    bar.end();
    expect(screen(texts)).to.deep.equal(['epoch 1/2: loss 0.5', '']);
  });

  it('does not wrap', () => {
    const texts: string[] = [];
    new ProgressBar({ columns: 20, write: (text) => texts.push(text) }).step('epoch 1/2', 1, 4, { loss: 1 });
    expect(screen(texts)[0].length).to.equal(19);
  });

  for (const isTTY of [true, false]) {
    it(isTTY ? 'is shown on a terminal' : 'is not written to a file', async () => {
      const { stderr } = process;
      const own = Object.getOwnPropertyDescriptor(stderr, 'isTTY');
      const write = stderr.write.bind(stderr);
      const texts: string[] = [];
      const x = Tensor.randn([4, 3]);
      const train = (loss: typeof crossEntropyWithLogitsLoss) =>
        fit(new Linear(3, 2), {
          data: [{ x, labels: [0, 1, 0, 1] }],
          loss: (outputs, labels: readonly number[]) => loss(outputs, labels),
          optimizer: new Sgd(),
          epochs: 2,
          progress: true,
        });
      Object.defineProperty(stderr, 'isTTY', { value: isTTY, configurable: true, writable: true });
      stderr.write = (text: string) => texts.push(text) > 0;
      try {
        await train(crossEntropyWithLogitsLoss);
      } finally {
        stderr.write = write;
        if (own === undefined) Reflect.deleteProperty(stderr, 'isTTY');
        else Object.defineProperty(stderr, 'isTTY', own);
      }
      const text = texts.join('');
      expect(text.includes('1/1, loss')).to.equal(isTTY);
      expect(text.includes('\x1b')).to.equal(isTTY);
      const lines = screen(texts);
      expect(lines.length).to.equal(3);
      expect(lines[0]).to.match(/^epoch 1\/2: loss [\d.]+; \d+\.\d s$/);
      expect(lines[2]).to.equal('');
    });
  }
});
