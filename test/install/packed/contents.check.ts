import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packagePath } from '../../support/package-path.js';
import { installedProject, platform } from './project.js';

interface Manifest {
  readonly binaries: Record<string, { readonly bytes: number; readonly sha256: string }>;
}

const allowed = [
  'CMakeLists.txt',
  'LICENSE',
  'README.md',
  'cmake',
  'dist',
  'lib',
  'native',
  'package.json',
  'prebuilds',
];

/** Whether a name matches a glob whose only wildcard is `*`, which does not match a slash, as in webpack. */
function matchesGlob(name: string, glob: string): boolean {
  const pattern = glob.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
  return new RegExp(`^${pattern}$`).test(name);
}

/** The anchors that GitHub and npm generate from headings. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('contents of the packed package', () => {
  const project = installedProject();
  const packed = (...names: string[]) => project().path('node_modules', 'batchnorm', ...names);
  const files = () =>
    readdirSync(packed(), { recursive: true, encoding: 'utf8' })
      .filter((name) => statSync(packed(name)).isFile())
      .map((name) => name.replaceAll('\\', '/'));

  it('has nothing that npm would run or warn about', () => {
    expect(readdirSync(packed())).to.have.members(allowed);
    const manifest = JSON.parse(readFileSync(packed('package.json'), 'utf8')) as object;
    expect(manifest).to.not.have.any.keys('scripts', 'devDependencies', 'bundledDependencies');
    expect(manifest).to.have.property('gypfile', false);
  });

  it('names its repository', () => {
    const manifest = JSON.parse(readFileSync(packed('package.json'), 'utf8')) as object;
    expect(manifest)
      .to.have.property('homepage')
      .that.matches(/^https:/);
    expect(manifest)
      .to.have.property('bugs')
      .that.matches(/^https:.*\/issues$/);
    expect(manifest)
      .to.have.nested.property('repository.url')
      .that.matches(/^git\+https:/);
  });

  it('has a README whose links point to files of the repository or its own headings', () => {
    const { repository, version } = JSON.parse(readFileSync(packed('package.json'), 'utf8')) as {
      repository: { url: string };
      version: string;
    };
    const own = repository.url.replace(/^git\+|\.git$/g, '');
    const text = readFileSync(packed('README.md'), 'utf8');
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)].map(
      ([, first, second]) => first ?? second,
    );
    expect(targets).to.not.have.length(0);
    const headings = headingsOf(text);
    for (const target of targets) {
      if (target.startsWith('#')) expect(headings, target).to.include(target.slice(1));
      else if (target.startsWith(own)) expectFile(target, own, version);
      else expect(target).to.match(/^https:/);
    }
  });

  function expectFile(target: string, own: string, version: string): void {
    const [view, path, heading] = target
      .slice(own.length)
      .split(/^\/(?:blob|raw)\/([^#]*)#?/)
      .slice(0, 3);
    expect(view).to.equal('');
    expect(path).to.match(new RegExp(`^v${version}/`));
    const file = packagePath(path.slice(`v${version}/`.length));
    expect(existsSync(file), target).to.equal(true);
    if (heading) expect(headingsOf(readFileSync(file, 'utf8')), target).to.include(heading);
  }

  it('has intact binaries for all platforms in its manifest and for this machine', () => {
    const { binaries } = JSON.parse(readFileSync(packed('prebuilds', 'manifest.json'), 'utf8')) as Manifest;
    const present = files().filter((name) => /\.(node|wasm)$/.test(name));
    expect(present).to.have.members(Object.keys(binaries));
    expect(present).to.include(`prebuilds/${platform}/batchnorm.node`);
    expect(present).to.include('prebuilds/wasm32/batchnorm.wasm');
    for (const [name, { bytes, sha256 }] of Object.entries(binaries)) {
      const content = readFileSync(packed(name));
      expect(content.length, name).to.equal(bytes);
      expect(createHash('sha256').update(content).digest('hex'), name).to.equal(sha256);
    }
  });

  it('has declarations for everything public and no other build output', () => {
    const names = files();
    for (const name of ['dist/index.d.ts', 'dist/raw.d.ts']) expect(names).to.include(name);
    const others = names.filter((name) => !/\.(d\.m?ts|m?js)$/.test(name));
    const licenses = ['dist/THIRD-PARTY-LICENSES.txt'];
    expect(others.filter((name) => name.startsWith('dist/'))).to.deep.equal(licenses);
    expect(names.filter((name) => /^dist\/(cli|backend\/portable)\/.*\.d\.ts$/.test(name))).to.deep.equal([]);
    // The files that a build of the addon from source reads.
    expect(names.filter((name) => name.startsWith('lib/'))).to.have.members([
      'lib/backend/parse-signature.js',
      'lib/backend/signatures.js',
      'lib/package.json',
    ]);
  });

  it('has entries for browsers, which Node does not load', () => {
    const { exports } = JSON.parse(readFileSync(packed('package.json'), 'utf8')) as {
      exports: Record<string, { browser?: { import: Record<'types' | 'default', string> } }>;
    };
    const entries = Object.entries(exports).filter(([, { browser }]) => browser !== undefined);
    expect(entries.map(([name]) => name)).to.have.members(['.', './raw', './onnx']);
    for (const [name, { browser }] of entries) {
      for (const file of Object.values(browser?.import ?? {})) expect(files()).to.include(file.slice(2));
      const specifier = name.replace(/^\./, 'batchnorm');
      const program = `process.stdout.write(import.meta.resolve('${specifier}') + require.resolve('${specifier}'))`;
      const prelude =
        "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
      project().write('resolve.mjs', prelude + program);
      const resolved = execFileSync(process.execPath, [project().path('resolve.mjs')], { encoding: 'utf8' });
      expect(resolved).to.include('batchnorm').and.not.include('browser');
    }
  });

  it('lets bundlers keep the module that records where they put the binaries', () => {
    const { sideEffects } = JSON.parse(readFileSync(packed('package.json'), 'utf8')) as {
      sideEffects: readonly string[];
    };
    const kept = sideEffects.some((glob) => matchesGlob('dist/backend/bundled-binary.mjs', glob.slice(2)));
    expect(kept, sideEffects.join(' ')).to.equal(true);
    for (const glob of sideEffects) {
      expect(
        files().some((name) => matchesGlob(name, glob.slice(2))),
        glob,
      ).to.equal(true);
    }
  });

  it('has the declarations that public ones refer to, and no others', () => {
    const declarations = files().filter((name) => name.endsWith('.d.ts'));
    expect(declarations)
      .to.include('dist/core/shape.d.ts')
      .and.not.include('dist/validation/plain-object.d.ts');
    for (const name of declarations) {
      const text = readFileSync(packed(name), 'utf8');
      for (const [, to] of text.matchAll(/(?:from|import|module) ?\(?'(\.[^']+)'/g)) {
        expect(declarations, name).to.include(
          join(dirname(name), to.replace(/\.js$/, '.d.ts')).replaceAll('\\', '/'),
        );
      }
    }
  });

  it('has no declarations of functions that only other modules of the package call', () => {
    const { exports } = JSON.parse(readFileSync(packed('package.json'), 'utf8')) as {
      exports: Record<string, { default?: string }>;
    };
    const names = new Set<string>();
    for (const { default: file } of Object.values(exports)) {
      if (file === undefined) continue;
      // The names in the form in which Node finds them.
      for (const [, name] of readFileSync(packed(file), 'utf8').matchAll(/^exports\.(\w+) =/gm))
        names.add(name);
    }
    expect(names).to.include('backward');
    for (const name of files().filter((each) => each.endsWith('.d.ts'))) {
      for (const [, declared] of readFileSync(packed(name), 'utf8').matchAll(
        /^export declare function (\w+)/gm,
      )) {
        expect(names, name).to.include(declared);
      }
    }
  });

  it('has the C++ sources of the checkout, without their comments', function () {
    if (process.platform !== 'linux') this.skip(); // where g++ is not always GNU's
    // The preprocessor of g++ finds the comments in its own way.
    const uncommented = (file: string) =>
      execFileSync('g++', ['-fpreprocessed', '-dD', '-E', '-P', file], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).replace(/\s+/g, ' ');
    const sources = files().filter((name) => /^native\/.*\.(cc|h)$/.test(name));
    expect(sources).to.have.length.above(100);
    for (const name of sources) {
      expect(uncommented(packed(name)), name).to.equal(uncommented(packagePath(name)));
      expect(readFileSync(packed(name), 'utf8'), name).to.not.match(/^\s*\/\//m);
    }
  });

  it('is below 4.1 MB unpacked, and below 5 MB with the binaries of all six platforms', () => {
    const bytes = files().reduce((sum, name) => sum + statSync(join(packed(), name)).size, 0);
    const limit = process.env.BATCHNORM_RELEASE === '1' ? 5e6 : 4.1e6;
    expect(bytes).to.be.below(limit);
  });
});
