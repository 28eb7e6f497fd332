// Requirements for bundles for browsers: in Chromium, over a file server, they train on WebAssembly and load files.
// Needs the compiled tests in dist-dev/.
import assert from 'node:assert/strict';
import { cpSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const support = resolve('dist-dev/test/support');
const { browserModule, browserPage, writeProgramFiles } = await import(`${support}/browser-program.js`);
const { Chromium } = await import(`${support}/chromium.js`);
const { serveFolder } = await import(`${support}/static-server.js`);

/** Writes the program `main.js`. */
export function writeBrowserProgram(project) {
  const urls = { index: 'batchnorm', onnx: 'batchnorm/onnx', raw: 'batchnorm/raw' };
  project.write('main.js', browserModule(urls));
}

/** Writes a page for a bundler that leaves pages to its user. */
export function writePage(project, folder, script) {
  project.write(join(folder, 'index.html'), browserPage(script));
}

/** Copies the WebAssembly module to where the bundle looks for it, for a bundler that does not. */
export function copyModule(project, output) {
  const module = 'prebuilds/wasm32/batchnorm.wasm';
  cpSync(project.path('node_modules/batchnorm', module), project.path(output, module));
}

/** Opens the page of a bundle. */
export async function expectInBrowser(project, output) {
  const folder = project.path(output);
  assert.ok(existsSync(join(folder, 'index.html')), `${output} has no page`);
  await writeProgramFiles(folder);
  const server = await serveFolder(folder);
  const chromium = await Chromium.start();
  try {
    await chromium.open(server.url, { width: 800, height: 600 });
    await chromium.waitFor('document.body.dataset.outcome !== undefined', 60_000).catch((error) => {
      throw new Error(`${error.message}\n${chromium.failures.join('\n')}`);
    });
    const outcome = JSON.parse(await chromium.evaluate('document.body.dataset.outcome'));
    assert.equal(outcome.error, undefined);
    assert.equal(outcome.backend.name, 'wasm', outcome.backend.reason);
    assert.ok(outcome.losses.at(-1) < outcome.losses[0] / 4, outcome.losses.join());
    for (const name of ['file', 'buffer', 'bytes', 'compressed', 'safetensors']) {
      assert.deepEqual(outcome.scores[name], outcome.scores.response, name);
    }
    assert.match(outcome.refused[1], /HTTP status 404/);
  } finally {
    await chromium.close();
    server.close();
  }
}
