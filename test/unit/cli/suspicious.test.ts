import { StatisticsCollector } from '#lib/cli/array-statistics';
import type { InspectedArray } from '#lib/cli/inspected-array';
import { findSuspicious } from '#lib/cli/suspicious';
import { expect } from 'chai';

function array(name: string, ...values: number[]): InspectedArray {
  const collector = new StatisticsCollector();
  collector.add(Float64Array.from(values));
  const described = { name, type: 'float64', shape: [values.length], loadable: true };
  return { ...described, statistics: collector.result() };
}

/** A sound layer with the given arrays replaced. */
function layer(prefix: string, ...changed: InspectedArray[]): InspectedArray[] {
  const sound = [
    array(`${prefix}scale.npy`, 1, 2, 3),
    array(`${prefix}bias.npy`, 0, 0, 0),
    array(`${prefix}running_mean.npy`, 0.5, 0, -0.5),
    array(`${prefix}running_var.npy`, 1, 2, 3),
  ];
  return sound.map((each) => changed.find(({ name }) => name === each.name) ?? each);
}

const problems = (arrays: readonly InspectedArray[]) =>
  findSuspicious(arrays).map(({ name, problem }) => `${name}: ${problem}`);

describe('findSuspicious', () => {
  it('finds nothing in sound layers, alone or inside a network', () => {
    expect(problems([...layer(''), ...layer('2..00.')])).to.deep.equal([]);
  });

  it('finds NaN, infinite values and values beyond float32 in any array', () => {
    expect(problems([array('w.npy', 1, NaN, 2, NaN)])).to.deep.equal([
      'w.npy: 2 values are NaN, the first at 1',
    ]);
    expect(problems([array('w.npy', 1, -Infinity)])).to.deep.equal(['w.npy: 1 value is infinite, at 1']);
    expect(problems([array('w.npy', 1e39, 1)])[0]).to.include('1 value is beyond float32, at 0');
  });

  it('finds negative and zero variances', () => {
    const [first, second, ...more] = problems(layer('a.', array('a.running_var.npy', 1, -2, 0)));
    expect(first).to.include('a.running_var.npy: 1 value is negative, at 1');
    expect(second).to.include('a.running_var.npy: 1 value is zero, at 2');
    expect(more).to.deep.equal([]);
  });

  it("finds zero scales of batch norm layers, with PyTorch's names too, but not of other layers", () => {
    expect(problems(layer('', array('scale.npy', 1, 0, 1e-9)))).to.have.length(2);
    const [, ...others] = layer('bn1.');
    expect(problems([array('bn1.weight.npy', 0, 1, 0), ...others])).to.deep.equal([
      'bn1.weight.npy: 2 values are zero, the first at 0: dead channels, whose output is their bias',
    ]);
    expect(problems([array('fc.weight.npy', 0, 0, 0), array('fc.bias.npy', 0)])).to.deep.equal([]);
  });

  it('finds statistics that were never trained', () => {
    const initial = [array('running_mean.npy', 0, 0, 0), array('running_var.npy', 1, 1, 1)];
    expect(problems(layer('', ...initial))[0]).to.include('never trained');
    const one = [array('running_mean.npy', 0, 0, 0), array('running_var.npy', 1, 1, NaN)];
    expect(problems(layer('', ...one)).join()).to.not.include('never trained');
  });

  it('finds arrays of different shapes and missing arrays', () => {
    expect(problems(layer('', array('bias.npy', 1, 2)))[0]).to.include('shape [2] differs from [3]');
    const withoutMean = layer('').filter(({ name }) => name !== 'running_mean.npy');
    expect(problems(withoutMean)).to.deep.equal(['running_var.npy: no running_mean.npy in the same layer']);
  });

  it('finds types that load() refuses in arrays that it would read', () => {
    const text = (name: string) => ({ name, type: "'<U3'", shape: [3], loadable: false });
    expect(problems(layer('', text('bias.npy')))[0]).to.include("bias.npy: type '<U3'");
    expect(problems([text('labels.npy')])).to.deep.equal([]);
    const eighths = { ...array('0.weight', 1, 2, 3), type: 'F8_E4M3', loadable: false };
    expect(problems([eighths])).to.have.length(1);
  });

  it('recognizes layers by the names in safetensors files', () => {
    const plain = layer('net.1.', array('net.1.running_var.npy', 1, -2, 3));
    const renamed = plain.map((each) => ({ ...each, name: each.name.replace('.npy', '') }));
    expect(problems(renamed)).to.have.length(1);
    expect(problems(renamed)[0]).to.include('net.1.running_var: 1 value is negative, at 1');
    const withoutMean = renamed.filter(({ name }) => !name.endsWith('running_mean'));
    expect(problems(withoutMean)).to.include('net.1.running_var: no running_mean in the same layer');
  });

  it('does not mistake optimizer state for a layer', () => {
    expect(
      problems(
        layer(
          'checkpoint.optimizer.adam.moment2.',
          array('checkpoint.optimizer.adam.moment2.running_var.npy', -1, 0, 1),
        ),
      ),
    ).to.deep.equal([]);
    expect(problems([array('checkpoint.optimizer.sgd.velocity.0.scale.npy', NaN, 1)])).to.have.length(1);
  });

  it('finds settings out of range, and accepts a momentum of NaN as cumulative', () => {
    expect(problems([array('epsilon.npy', 0), array('x.momentum.npy', 1.5)])).to.have.length(2);
    expect(problems([array('epsilon.npy', 1e-5), array('momentum.npy', NaN)])).to.deep.equal([]);
    expect(problems([array('epsilon.npy', NaN)])).to.deep.equal([
      'epsilon.npy: epsilon is NaN: load() requires a positive number',
    ]);
    expect(problems([array('other.npy', NaN)])).to.deep.equal(['other.npy: the value is NaN']);
  });
});
