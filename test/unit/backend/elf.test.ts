import { expect } from 'chai';
import { writeFileSync } from 'node:fs';
import { elfFault } from '#lib/backend/elf';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** A file of 64 + 3 * 64 bytes whose header announces three sections at its end. */
function library(machine: number): Buffer {
  const file = Buffer.alloc(256);
  file.set([0x7f, 0x45, 0x4c, 0x46]);
  file.writeUInt16LE(machine, 18);
  file.writeBigUInt64LE(64n, 40);
  file.writeUInt16LE(64, 58);
  file.writeUInt16LE(3, 60);
  return file;
}

describe('elfFault', () => {
  const path = temporaryDirectory();

  function faultOf(content: Buffer, processor = 'x64'): string | undefined {
    const file = path('batchnorm.node');
    writeFileSync(file, content);
    return elfFault(file, processor);
  }

  it('accepts a complete library for this processor', () => {
    expect(faultOf(library(62))).to.equal(undefined);
    expect(faultOf(library(183), 'arm64')).to.equal(undefined);
  });

  it('detects a library that lacks its last byte', () => {
    expect(faultOf(library(62).subarray(0, -1))).to.include('is cut short: 255 of 256 bytes');
  });

  it('detects a library for another processor', () => {
    expect(faultOf(library(183))).to.include('is for another processor (ELF machine 183)');
  });

  it('detects a file that is not a library', () => {
    expect(faultOf(Buffer.from('not a library'))).to.include('is not a shared library');
    expect(faultOf(Buffer.alloc(256))).to.include('is not a shared library');
  });

  it('throws if the file does not exist', () => {
    expect(() => elfFault(path('absent'))).to.throw('ENOENT');
  });
});
