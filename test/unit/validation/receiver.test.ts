import { inspect } from 'node:util';
import { Adam, BatchNorm2D, Linear, NpzWriter, Tensor } from 'batchnorm';
import { expect } from 'chai';
import { expectError, type Untyped } from '../../support/errors.js';

const instances: readonly (() => object)[] = [
  () => Tensor.ones([2]),
  () => new BatchNorm2D(2),
  () => new Linear(2, 2),
  () => new Adam(),
  () => new NpzWriter(),
];

/** The functions of an object's classes, accessors included. */
function functionsOf(instance: object): [name: string, call: (receiver: unknown) => unknown][] {
  const found: [string, (receiver: unknown) => unknown][] = [];
  let at = Object.getPrototypeOf(instance) as object;
  for (; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      const call: unknown = property.value ?? Reflect.get(property, 'get');
      if (key === 'constructor' || typeof call !== 'function') continue;
      found.push([key, (receiver) => Reflect.apply(call, receiver, []) as unknown]);
    }
  }
  return found;
}

describe('a method called on a value that is not an instance of its class', () => {
  const receivers: Readonly<Record<string, (instance: object) => unknown>> = {
    undefined: () => undefined,
    '{}': () => ({}),
    'a proxy': (instance) => new Proxy(instance, {}),
    'an object that inherits from an instance': (instance) => Object.create(instance) as object,
  };

  for (const make of instances) {
    it(`of ${make().constructor.name} throws only errors with a code`, async () => {
      for (const [what, receiver] of Object.entries(receivers)) {
        for (const [name, call] of functionsOf(make())) {
          try {
            await call(receiver(make()));
          } catch (error) {
            expect(error, `${name} of ${what}`)
              .to.have.property('code')
              .that.matches(/^ERR_BATCHNORM_/);
          }
        }
      }
    });

    it(`of ${make().constructor.name} does not keep console.log from printing`, () => {
      for (const receiver of Object.values(receivers)) {
        expect(inspect(receiver(make()))).to.be.a('string');
        expect(inspect({ inside: receiver(make()) })).to.be.a('string');
      }
    });
  }

  it('names the missing instance', () => {
    const { exp } = Tensor.ones([1]) as unknown as Record<'exp', Untyped>;
    expectError(() => exp(), TypeError, 'Expected ', 'but received undefined');
    const { toJSON } = Tensor.prototype as unknown as { toJSON: (this: unknown) => unknown };
    expectError(
      () => toJSON.call({}),
      TypeError,
      'Expected an instance of Tensor for this of Tensor.toJSON() but received an object of type Object',
    );
  });
});
