import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { node } from '../../support/node-process.js';
import { packagePath } from '../../support/package-path.js';

/** A code block of a guide. */
export interface Snippet {
  readonly page: string;
  readonly line: number;
  readonly language: 'js' | 'ts';
  /** Its setup code, in a preceding HTML comment `<!-- setup … -->`, which readers do not see. */
  readonly setup: string;
  readonly code: string;
}

/** All blocks marked `js` or `ts` in README.md and below docs/. */
export function guideSnippets(): readonly Snippet[] {
  const pages = readdirSync(packagePath('docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('api'))
    .map((name) => join('docs', name));
  return ['README.md', ...pages.sort()].flatMap((page) =>
    snippetsOf(page, readFileSync(packagePath(page), 'utf8')),
  );
}

/** The blocks of a page. Other markers such as `javascript` or `mjs`, whose blocks would not run, are errors. */
export function snippetsOf(page: string, text: string): readonly Snippet[] {
  const snippets: Snippet[] = [];
  const blocks = /(?:<!-- setup\n([^]*?)-->\n\n)?^```(\w*)\n([^]*?)^```$/gm;
  for (const [match, setup = '', language = '', code = ''] of text.matchAll(blocks)) {
    const line = text.slice(0, text.indexOf(match)).split('\n').length;
    if (/^(?:javascript|typescript|mjs|cjs|mts|cts|jsx|tsx)$/.test(language)) {
      throw new Error(`Expected js or ts for the block at ${page}:${line} but found ${language}`);
    }
    if (language === 'js' || language === 'ts') {
      snippets.push({ page, line, language, setup, code });
    }
  }
  return snippets;
}

/** Runs a snippet as written, in a new project with the given packages. */
export function runSnippet(snippet: Snippet, packages: Readonly<Record<string, string>>): void {
  const project = mkdtempSync(join(tmpdir(), 'batchnorm-guide-'));
  try {
    for (const [name, path] of Object.entries({ batchnorm: packagePath('.'), ...packages })) {
      const link = join(project, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(path, link, 'junction');
    }
    writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
    const source = `snippet.${snippet.language}`;
    writeFileSync(join(project, source), `${snippet.setup}\n${snippet.code}`);
    if (snippet.language === 'ts') compile(project, source);
    run(project, ['snippet.js'], snippet);
  } finally {
    rmSync(project, { recursive: true });
  }

  function compile(folder: string, source: string): void {
    const require = createRequire(import.meta.url);
    // The compiler that starts in a fraction of a second; `npm run check -- types` compiles with the others.
    const typescript = dirname(require.resolve('typescript-7/package.json'));
    const options = ['--strict', '--target', 'ES2022', '--module', 'NodeNext', '--skipLibCheck'];
    run(folder, [join(typescript, 'bin/tsc'), ...options, source], snippet);
  }
}

function run(folder: string, args: string[], { page, line, setup, code }: Snippet): void {
  const { status, stdout, stderr } = spawnSync(node.file, node.args(...args), {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status === 0) return;
  throw new Error(`The block at ${page}:${line} fails:\n${setup}${code}\n${stdout}${stderr}`);
}
