// Checks the C++ sources against .clang-format; with --write, formats them.
import { execFileSync } from 'node:child_process';
import { run } from '../process.mjs';

const sources = execFileSync('git', ['ls-files', 'native', 'test/native'], { encoding: 'utf8' })
  .split('\n')
  .filter((name) => /\.(cc|h)$/.test(name));
run('clang-format', [...(process.argv.includes('--write') ? ['-i'] : ['--dry-run', '-Werror']), ...sources]);
