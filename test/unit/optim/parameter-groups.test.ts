import {
  Adam,
  backward,
  Linear,
  LearningRateScheduler,
  type ParameterMatch,
  ReLU,
  RMSprop,
  Sequential,
  Sgd,
  stepSchedule,
  Tensor,
  UnusedParamsError,
} from 'batchnorm';
import { expect } from 'chai';
import { inspect } from 'node:util';
import { expectError } from '../../support/errors.js';
import { expectNear } from '../../support/expect-near.js';
import { seeded } from '../../support/random.js';

function network() {
  const rng = seeded(1);
  const module = new Sequential(new Linear(3, 4, { rng }), new ReLU(), new Linear(4, 2, { rng }));
  const x = Tensor.randn([5, 3], { rng });
  const step = (optimizer: Sgd | Adam | RMSprop) => {
    optimizer.update(module, backward(module.forwardMut(x.trace()).square().sum()));
  };
  const [first, , second] = module.layers;
  const tensors = {
    '0.weight': first.weight,
    '0.bias': first.bias,
    '2.weight': second.weight,
    '2.bias': second.bias,
  };
  return { module, step, tensors };
}

/** The parameters after three steps, by name. */
function trained(optimizer: Sgd | Adam | RMSprop): Record<string, readonly number[]> {
  const { step, tensors } = network();
  for (let i = 0; i < 3; i++) step(optimizer);
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, [...data]]));
}

/** After one step, because later gradients depend on all parameters. */
function afterOne(optimizer: Sgd | Adam | RMSprop): Record<string, readonly number[]> {
  const { step, tensors } = network();
  step(optimizer);
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, [...data]]));
}

describe('parameter groups', () => {
  const weightDecay = 0.5;
  const cases = [
    {
      plain: new Sgd({ lr: 0.1, weightDecay }),
      other: new Sgd({ lr: 0.02, momentum: { nesterov: 0.9 } }),
      grouped: (match: ParameterMatch) =>
        new Sgd({
          ...{ lr: 0.1, weightDecay },
          groups: [{ match, lr: 0.02, momentum: { nesterov: 0.9 }, weightDecay: 0 }],
        }),
    },
    {
      plain: new Adam({ lr: 0.1, weightDecay }),
      other: new Adam({ lr: 0.02, betas: [0.5, 0.6], epsilon: 0.1, weightDecay: { decoupled: 0.3 } }),
      grouped: (match: ParameterMatch) =>
        new Adam({
          ...{ lr: 0.1, weightDecay },
          groups: [{ match, lr: 0.02, betas: [0.5, 0.6], epsilon: 0.1, weightDecay: { decoupled: 0.3 } }],
        }),
    },
    {
      plain: new RMSprop({ lr: 0.1, weightDecay, centered: true }),
      other: new RMSprop({ lr: 0.02, alpha: 0.5, epsilon: 0.1, momentum: 0.9, centered: true }),
      grouped: (match: ParameterMatch) =>
        new RMSprop({
          ...{ lr: 0.1, weightDecay, centered: true },
          groups: [{ match, lr: 0.02, alpha: 0.5, epsilon: 0.1, momentum: 0.9, weightDecay: 0 }],
        }),
    },
  ];

  for (const { plain, other, grouped } of cases) {
    const { name } = plain.constructor;
    const [outside, inside] = [afterOne(plain), afterOne(other)];
    const matches: readonly (readonly [string, ParameterMatch, readonly string[]])[] = [
      ['a pattern', /bias$/, ['0.bias', '2.bias']],
      ['a global pattern', /bias$/g, ['0.bias', '2.bias']],
      ['a prefix', '2.', ['2.weight', '2.bias']],
      ['a function of the name', (key) => key === '0.weight', ['0.weight']],
      ['a function of the tensor', (_, { shape }) => shape.length === 2, ['0.weight', '2.weight']],
    ];
    for (const [kind, match, members] of matches) {
      it(`of ${name} override options for ${kind}`, () => {
        const found = afterOne(grouped(match));
        for (const [key, values] of Object.entries(found)) {
          expectNear(values, (members.includes(key) ? inside : outside)[key], 1e-6, key);
        }
        expect(found).not.to.deep.equal(outside);
      });
    }
  }

  it('give a parameter to the first group that matches', () => {
    const lr = 0.1;
    const both = [
      { match: '0.', lr: 0 },
      { match: /bias$/, lr: 0.02 },
    ];
    const found = afterOne(new Sgd({ lr, groups: both }));
    const [still, slow, plain] = [0, 0.02, lr].map((rate) => afterOne(new Sgd({ lr: rate })));
    expectNear(found['0.bias'], still['0.bias'], 0);
    expectNear(found['0.weight'], still['0.weight'], 0);
    expectNear(found['2.bias'], slow['2.bias'], 1e-6);
    expectNear(found['2.weight'], plain['2.weight'], 1e-6);
  });

  it('scale with the learning rate that a schedule sets', () => {
    const grouped = new Sgd({ lr: 0.4, groups: [{ match: '2.', lr: 0.1 }] });
    const scheduler = new LearningRateScheduler(grouped, stepSchedule({ lr: 0.4, every: 1, factor: 0.5 }));
    expectNear(afterOne(grouped)['2.bias'], afterOne(new Sgd({ lr: 0.1 }))['2.bias'], 1e-6);
    scheduler.next();
    expectNear(afterOne(grouped)['2.bias'], afterOne(new Sgd({ lr: 0.05 }))['2.bias'], 1e-6);
    expectNear(afterOne(grouped)['0.bias'], afterOne(new Sgd({ lr: 0.2 }))['0.bias'], 1e-6);
  });

  it('match a shared tensor by each of its names', () => {
    const shared = new Linear(2, 2);
    const net = new Sequential(shared, new ReLU(), shared);
    const before = shared.bias.array();
    const gradients = backward(net.forwardMut(Tensor.ones([1, 2]).trace()).sum());
    new Sgd({ groups: [{ match: '2.bias', freeze: true }] }).update(net, gradients);
    expect(shared.bias.array()).to.deep.equal(before);
  });

  for (const make of [Sgd, Adam, RMSprop]) {
    it(`of ${make.name} freeze parameters, which need no gradient`, () => {
      const { module, tensors } = network();
      const optimizer = new make({ weightDecay, groups: [{ match: '0.', freeze: true }] });
      const start = tensors['0.weight'].array();
      const features = module.layers[0].forward(Tensor.ones([1, 3])).relu();
      const loss = () => module.layers[2].forward(features.trace({ gradient: false })).sum();
      const before = tensors['2.bias'].array();
      optimizer.update(module, backward(loss()));
      expect(tensors['2.bias'].array()).not.to.deep.equal(before);
      // With a gradient, too.
      optimizer.update(module, backward(module.forwardMut(Tensor.ones([1, 3]).trace()).sum()));
      expect(tensors['0.weight'].array()).to.deep.equal(start);
      const gradients = backward(loss());
      const all = new make();
      expectError(() => all.update(module, gradients), UnusedParamsError, '0.weight, 0.bias.');
    });
  }

  it('that match no parameter are an error that changes nothing', () => {
    const { module, tensors } = network();
    const gradients = backward(module.forwardMut(Tensor.ones([1, 3]).trace()).sum());
    const before = Object.values(tensors).map((tensor) => tensor.array());
    const no = [
      [/scale$/, '"/scale$/"'],
      ['backbone.', '"backbone."'],
      [() => false, 'a function'],
    ] as const;
    for (const [match, text] of no) {
      const adam = new Adam({ groups: [{ match: '2.' }, { match, lr: 0.1 }] });
      expectError(
        () => adam.update(module, gradients),
        RangeError,
        'for groups[1].match',
        text,
        'none of 4, such as 0.weight',
      );
    }
    expect(Object.values(tensors).map((tensor) => tensor.array())).to.deep.equal(before);
    new Sgd().update(module, gradients);
  });

  it('follow the fields of a module that are reassigned', () => {
    const module = new Sequential(new Linear(1, 1), new Linear(1, 1));
    const last = module.layers[1];
    const sgd = new Sgd({ groups: [{ match: '1.', freeze: true }] });
    const loss = () => backward(module.forwardMut(Tensor.ones([1, 1]).trace()).sum());
    sgd.update(module, loss());
    // Another number of parameters precedes the frozen ones.
    const longer = new Sequential(new Linear(1, 1), new Linear(1, 1));
    Object.assign(module, { layers: [longer, last] });
    const [frozen, trained] = [last.bias.array(), longer.layers[1].bias.array()];
    sgd.update(module, loss());
    expect(last.bias.array()).to.deep.equal(frozen);
    expect(longer.layers[1].bias.array()).not.to.deep.equal(trained);
  });

  it('are shown by their number', () => {
    const text = inspect(new Sgd({ groups: [{ match: 'a' }, { match: 'b' }] }));
    expect(text).to.include('groups: 2');
    expect(inspect(new Sgd())).not.to.include('groups');
  });

  it('do not change training if they override nothing', () => {
    const groups = [{ match: /weight$/ }];
    expect(trained(new Adam({ groups }))).to.deep.equal(trained(new Adam()));
    expect(trained(new RMSprop({ momentum: 0.5, groups }))).to.deep.equal(
      trained(new RMSprop({ momentum: 0.5 })),
    );
  });

  it('refuse wrong options by name', () => {
    const make = (options: unknown) => () => Reflect.construct(Adam, [options]) as object;
    const group = (value: unknown) => make({ groups: [{ match: 'a' }, value] });
    expectError(make({ groups: {} }), TypeError, 'an array of groups for groups', 'Object');
    expectError(group(3), TypeError, 'for groups[1]', '3');
    expectError(group({}), TypeError, 'a prefix or a function for groups[1].match', 'undefined');
    expectError(group({ match: ['a'] }), TypeError, 'for groups[1].match', 'Array');
    expectError(group({ match: 'a', rate: 1 }), TypeError, 'in groups[1]', '"rate"');
    expectError(group({ match: 'a', lr: -1 }), RangeError, 'for groups[1].lr', '-1');
    expectError(group({ match: 'a', betas: [1, 2] }), RangeError, 'for groups[1].betas[0]', '1');
    expectError(group({ match: 'a', weightDecay: NaN }), RangeError, 'for groups[1].weightDecay', 'NaN');
    expectError(group({ match: 'a', freeze: 1 }), TypeError, 'a boolean for groups[1].freeze', '1');
    expectError(group({ match: 'a', freeze: true, lr: 1 }), RangeError, 'for groups[1]', 'lr');
    expectError(make({ lr: 0, groups: [{ match: 'a', lr: 1 }] }), RangeError, 'groups[0].lr', '0');
    const { module } = network();
    const gradients = backward(module.forwardMut(Tensor.ones([1, 3]).trace()).sum());
    const wrong = new Sgd({ groups: [{ match: (() => 1) as never }] });
    expectError(() => wrong.update(module, gradients), TypeError, 'a boolean', 'match() of groups[0]', '1');
  });
});
