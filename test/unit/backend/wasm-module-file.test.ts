import { memoryImport, withSharedMemory } from '#lib/backend/wasm/module-file';
import { webAssembly } from '#lib/backend/wasm/web-assembly';
import { expect } from 'chai';
import { expectError } from '../../support/errors.js';
import { fallbackIn } from '../../support/fallback.js';
import { packagePath } from '../../support/package-path.js';
import { wasmFile } from '../../support/wasm-file.js';

// https://webassembly.github.io/spec/core/binary/modules.html
const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const text = (name: string) => [name.length, ...Buffer.from(name)];
const section = (id: number, content: readonly number[]) => [id, content.length, ...content];
const types = section(1, [1, 0x60, 0, 0]);
const imports = (...each: readonly number[][]) => section(2, [each.length, ...each.flat()]);
const importOf = (kind: number, ...type: readonly number[]) => [...text('env'), ...text('x'), kind, ...type];
const pagesOf65536 = [0x80, 0x80, 0x04];

describe('memoryImport', () => {
  const find = (...sections: readonly number[][]) =>
    memoryImport(Uint8Array.from([...header, ...sections.flat()]));

  it('finds the limits of the memory among other imports', () => {
    const before = [...header, ...types].length;
    expect(
      find(
        types,
        imports(importOf(0, 0), importOf(3, 0x7f, 1), importOf(2, 3, 5, ...pagesOf65536), importOf(0, 0)),
      ),
    ).to.deep.equal({ minimum: 5, maximum: 65536, flagsAt: before + 3 + 8 + 9 + 7 });
  });

  it('refuses memory without a maximum, of 64-bit addresses or of an unknown kind', () => {
    for (const flags of [0, 2, 4, 5, 255]) {
      expectError(() => find(imports(importOf(2, flags, 5, 5))), Error, `limits of kind ${flags}`);
    }
  });

  it('refuses files without such an import', () => {
    expectError(() => find(types), Error, 'no imports');
    expectError(() => find(types, imports(importOf(0, 0))), Error, 'no import of a memory');
    expectError(() => find(imports(importOf(1, 0x70, 0, 1))), Error, 'an import of kind 1');
  });

  it('refuses files that end early or have numbers that are too long', () => {
    const whole = [...header, ...imports(importOf(2, 3, 5, ...pagesOf65536))];
    for (let length = 0; length < whole.length; length++) {
      const message = length <= header.length ? 'no imports' : 'its end is missing';
      expectError(() => memoryImport(Uint8Array.from(whole.slice(0, length))), Error, message);
    }
    const tooLong = [0x80, 0x80, 0x80, 0x80, 0x80, 1];
    expectError(() => find(imports(importOf(2, 3, ...tooLong, 5))), Error, 'more than 32 bits');
  });
});

describe('withSharedMemory', () => {
  before(function () {
    if (webAssembly === undefined || fallbackIn(packagePath()) !== 'wasm') this.skip();
  });

  it('changes one bit of the module, after which the engine accepts the other kind of memory only', () => {
    const original = Uint8Array.from(wasmFile());
    const [unshared, shared] = [withSharedMemory(original, false), withSharedMemory(original, true)];
    expect(original).to.deep.equal(Uint8Array.from(wasmFile()));
    const changes = [...unshared].flatMap((byte, i) => (byte === shared[i] ? [] : [byte ^ shared[i]]));
    expect(changes).to.deep.equal([2]);
    expect(withSharedMemory(shared, false)).to.deep.equal(unshared);
    expect(withSharedMemory(unshared, true)).to.deep.equal(shared);
    if (webAssembly === undefined) return;
    const { Module, Instance, Memory } = webAssembly;
    const { minimum: initial, maximum } = memoryImport(original);
    for (const isShared of [false, true]) {
      const module = new Module(isShared ? shared : unshared);
      const instantiate = (memory: object) =>
        new Instance(module, {
          env: { memory, startThread: () => 0, milliseconds: () => 0 } as never,
        });
      instantiate(new Memory({ initial, maximum, shared: isShared }));
      let refused = false;
      try {
        instantiate(new Memory({ initial, maximum, shared: !isShared }));
      } catch {
        refused = true;
      }
      expect(refused).to.equal(true);
    }
  });
});
