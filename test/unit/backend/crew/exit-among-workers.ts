// Eight workers train forever; the process exits meanwhile, from an idle or from a training main thread.
import { Crew } from './crew.js';

const [, , way, caught] = process.argv;

const crew = new Crew(new Array<'terminated'>(8).fill('terminated'), () => Infinity);
await crew.trains();
if (way === 'along') {
  const { BatchNorm2D, Tensor } = await import('batchnorm');
  const bn = new BatchNorm2D(8);
  for (let i = 0; i < 5; i++) bn.forwardMut(Tensor.randn([4, 8, 64, 64]).trace());
}
crew.catchInside(Number(caught));
if (way === 'throw') throw new Error('thrown on purpose');
process.exit(3);
