import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import {
  browserModule,
  browserPage,
  exerciseHere,
  type Outcome,
  writeProgramFiles,
} from '../support/browser-program.js';
import { Chromium } from '../support/chromium.js';
import { packagePath } from '../support/package-path.js';
import { serveFolder } from '../support/static-server.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

interface EntryBuilder {
  readonly buildBrowserEntries: (folder: string) => Promise<void>;
}

const urls = {
  index: './dist/browser/index.mjs',
  onnx: './dist/browser/onnx.mjs',
  raw: './dist/browser/raw.mjs',
};

describe('the entry for browsers', function () {
  this.timeout(120_000);
  const path = temporaryDirectory();
  const module = 'prebuilds/wasm32/batchnorm.wasm';
  // Its own folder: .ci/run builds the one in build/ at the same time.
  const built = packagePath('build-pages/batchnorm.wasm');
  let server: Awaited<ReturnType<typeof serveFolder>> | undefined;
  let chromium: Chromium | undefined;

  before(async () => {
    const builder = pathToFileURL(packagePath('tools/build/browser/entry.mjs')).href;
    const { buildBrowserEntries } = (await import(builder)) as EntryBuilder;
    const { buildWasm } = (await import(pathToFileURL(packagePath('tools/build/wasm/compile.mjs')).href)) as {
      buildWasm: (file: string) => Promise<void>;
    };
    await buildBrowserEntries(path('dist/browser'));
    await buildWasm(built);
    await writeProgramFiles(path());
    writeFileSync(path('main.js'), browserModule(urls));
    writeFileSync(path('index.html'), browserPage('main.js'));
    server = await serveFolder(path());
    chromium = await Chromium.start();
  });

  after(async () => {
    await chromium?.close();
    server?.close();
  });

  beforeEach(() => {
    cpSync(built, path(module));
  });

  async function outcomeOf(page = 'index.html'): Promise<Outcome> {
    if (chromium === undefined || server === undefined) throw new Error('Chromium has not started');
    await chromium.open(server.url + page, { width: 800, height: 600 });
    await chromium.waitFor('document.body.dataset.outcome !== undefined', 60_000);
    const text = await chromium.evaluate<string>('document.body.dataset.outcome');
    const outcome = JSON.parse(text) as Outcome & { error?: string };
    if (outcome.error !== undefined) throw new Error(outcome.error);
    return outcome;
  }

  function expectSame(found: Outcome, expected: Outcome): void {
    const close = (name: string, a: readonly number[], b: readonly number[]) => {
      expect(a, name).to.have.length(b.length);
      b.forEach((value, i) => expect(a[i], `${name}[${i}]`).to.be.closeTo(value, 1e-4));
    };
    close('losses', found.losses, expected.losses);
    close('normalized', found.normalized, expected.normalized);
    expect(Object.keys(found.scores)).to.deep.equal(Object.keys(expected.scores));
    for (const [name, scores] of Object.entries(expected.scores)) close(name, found.scores[name], scores);
  }

  /** The same program in Node, on the backend of this process. */
  const here = () =>
    exerciseHere((name) => {
      const file = name === 'missing.npz' ? undefined : readFileSync(path('files', name));
      const response = new Response(file, { status: file === undefined ? 404 : 200 });
      return Promise.resolve(response);
    });

  it('trains, infers and loads on WebAssembly, with the numbers of Node', async () => {
    const found = await outcomeOf();
    expect(found.backend).to.deep.include({ name: 'wasm', isa: 'wasm128', threads: 1 });
    expect(found.losses.at(-1)).to.be.below(found.losses[0] / 4);
    for (const name of ['file', 'buffer', 'bytes', 'compressed', 'safetensors']) {
      expect(found.scores[name], name).to.deep.equal(found.scores.response);
    }
    expectSame(found, await here());
    expect(found.refused[0]).to.include('Expected').and.include('the given bytes');
    expect(found.refused[1]).to.include('missing.npz').and.include('HTTP status 404');
    const failures = chromium?.failures.filter((each) => !each.includes('missing.npz'));
    expect(failures).to.deep.equal([]);
  });

  it('computes in TypeScript and warns if the module is missing', async () => {
    rmSync(path(module));
    const found = await outcomeOf();
    expect(found.backend.name).to.equal('portable');
    expect(found.backend.reason).to.match(/the WebAssembly module does not load: .*HTTP status 404/);
    expectSame(found, await here());
  });

  it('finds the module where the page says', async () => {
    rmSync(path(module));
    cpSync(built, path('elsewhere.wasm'));
    const page = browserPage('main.js').replace(
      '<title>',
      '<script>globalThis.BATCHNORM_WASM_URL = "elsewhere.wasm";</script><title>',
    );
    writeFileSync(path('named.html'), page);
    expect((await outcomeOf('named.html')).backend.name).to.equal('wasm');
  });

  it('names neither modules of Node nor packages', () => {
    for (const name of ['index', 'onnx', 'raw']) {
      const text = readFileSync(join(path('dist/browser'), `${name}.mjs`), 'utf8');
      const imports = [...text.matchAll(/(?:from|import) ?\(?"([^"]+)"/g)].map(([, each]) => each);
      expect(imports.length).to.be.above(0);
      for (const each of imports) expect(each).to.match(/^\.\/\w+\.mjs$/);
    }
  });
});
