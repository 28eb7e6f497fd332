// Networks with hundreds of layers in TypeScript, for tools/check/types.mjs: the compiler's work for a layer must not
// depend on the number of layers before it, nor recurse.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const imports = `import { BatchNorm2D, Conv2D, Flatten2D, Linear, ReLU, Residual, Sequential, Tensor, type Tensor2D } from 'batchnorm';
import { check, type Equal } from '../../test/types/equal.js';
`;

/** Each defines `net`, which maps the tensor `x` to a `Result`. */
const networks = {
  '200 layers': `
    const net = new Sequential(${repeat(100, (i) => `new Linear(${i + 4}, ${i + 5}), new ReLU()`)});
    const x = Tensor.zeros([8, 4]);
    type Result = Tensor2D<8, 104>;`,
  '200 layers on images': `
    const net = new Sequential(${repeat(66, (i) => `new Conv2D(${i + 3}, ${i + 4}, 3, { padding: 1 }), new BatchNorm2D(${i + 4}), new ReLU()`)}, new Flatten2D(), new Linear(70656, 10));
    const x = Tensor.zeros([8, 3, 32, 32]);
    type Result = Tensor2D<8, 10>;`,
  '40 nested Sequentials': `
    const net0 = new Sequential(new Linear(4, 3));
    ${repeat(40, (i) => `const net${i + 1} = new Sequential(net${i}, new ReLU())`, ';\n')}
    const net = net40;
    const x = Tensor.zeros([8, 4]);
    type Result = Tensor2D<8, 3>;`,
  '10 nested Residuals': `
    const net0 = new Residual(new Linear(4, 4));
    ${repeat(10, (i) => `const net${i + 1} = new Residual(new Sequential(net${i}, new ReLU()))`, ';\n')}
    const net = net10;
    const x = Tensor.zeros([8, 4]);
    type Result = Tensor2D<8, 4>;`,
};

/** Twice the count of the largest network. The compilers give up at 5,000,000 for one expression (TS2589). */
export const maxInstantiations = 400_000;

/** Writes a project for each network; yields its name and its folder. */
export function* networkProjects(folder) {
  rmSync(folder, { recursive: true, force: true });
  for (const [name, code] of Object.entries(networks)) {
    const project = join(folder, name.replace(/\W+/g, '-'));
    mkdirSync(project, { recursive: true });
    writeFileSync(
      join(project, 'network.ts'),
      `${imports}${code}
      const y = net.forward(x);
      check<Equal<typeof y, Result>>();
      net.forwardMut(x.trace()).mean();\n`,
    );
    const config = { extends: '../../test/types/tsconfig.json', include: ['*.ts'] };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
    yield [name, project];
  }
}

function repeat(count, code, separator = ', ') {
  return Array.from({ length: count }, (_, i) => code(i)).join(separator);
}
