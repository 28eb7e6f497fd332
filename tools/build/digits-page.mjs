// node tools/build/digits-page.mjs [FILE]: builds the page that trains the digits network in the browser into FILE, by
// default build/digits-page/index.html. One file without references to others, which works without a server.
import { build } from 'esbuild';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { browserOptions, browserPlugin } from './browser/plugin.mjs';
import { buildWasm } from './wasm/compile.mjs';

const [, , file = 'build/digits-page/index.html'] = process.argv;
const source = 'examples/digits/browser';
const wasm = resolve('build/wasm/batchnorm.wasm');
await buildWasm(wasm);
const bundled = async (entry, plugins) => {
  const options = {
    ...browserOptions,
    entryPoints: [`${source}/${entry}`],
    minify: true,
    keepNames: true,
    write: false,
    plugins,
  };
  return (await build(options)).outputFiles[0].text;
};
// A classic script, because pages that are opened as files cannot start workers that are modules.
const worker = `(async () => {${await bundled('worker.js', [browserPlugin(wasm)])}})();`;
const page = await bundled('page.js', []);
// As text within a script element, where "</script" would end it.
const embedded = (text) => text.replaceAll('</script', '<\\/script');
const html = readFileSync(`${source}/page.html`, 'utf8')
  .replace('/* style */', () => readFileSync(`${source}/style.css`, 'utf8'))
  .replace('/* worker */', () => embedded(worker))
  .replace('/* page */', () => embedded(page));
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, html);
console.log(`built ${file}: ${html.length} characters`);
