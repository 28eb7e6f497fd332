// A folder with Node's headers as node-gyp expects them, found without network: beside the running Node,
// else created from the node-api-headers package, which suffices for a Node-API addon.
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const require = createRequire(import.meta.url);

/** @returns {string} a value for node-gyp's --nodedir. BATCHNORM_NODE_HEADERS=package ignores the
 * headers beside Node. */
export function nodeDirectory() {
  if (process.env.BATCHNORM_NODE_HEADERS === 'package') return fromPackage();
  const beside = resolve(dirname(process.execPath), '..');
  const complete = ['node_api.h', 'common.gypi', 'config.gypi'];
  if (complete.every((file) => existsSync(join(beside, 'include/node', file)))) return beside;
  return fromPackage();
}

function fromPackage() {
  const directory = resolve('build-headers');
  const target = join(directory, 'include/node');
  mkdirSync(target, { recursive: true });
  cpSync(require('node-api-headers').include_dir, target, { recursive: true });
  // node-gyp also reads the distribution's build defaults, of which only position-independent code matters to us, and its
  // configuration, which we do not need.
  const gypDefaults = {
    target_defaults: {
      default_configuration: 'Release',
      configurations: { Debug: {}, Release: {} },
      cflags: ['-fPIC', '-pthread'],
      ldflags: ['-pthread'],
      defines: ['_FILE_OFFSET_BITS=64'],
    },
  };
  writeFileSync(join(target, 'common.gypi'), JSON.stringify(gypDefaults));
  writeFileSync(join(target, 'config.gypi'), JSON.stringify({ variables: {}, target_defaults: {} }));
  return directory;
}
