// Every page of the API site in windows of 1280 and 400 pixels: none may be wider than its window. Needs the site, which
// `npm run docs` builds, and Debian's chromium, or another one that CHROMIUM names.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, resolve, sep } from 'node:path';

const site = resolve('docs/api');
const widths = [1280, 400];
const types = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' };

const pages = readdirSync(site, { recursive: true })
  .filter((name) => name.endsWith('.html'))
  .map((name) => name.split(sep).map(encodeURIComponent).join('/'));

/** Runs in the browser: loads each page into a frame of each width and reports the pages that are wider. */
async function measure(pages, widths) {
  const frame = document.body.appendChild(document.createElement('iframe'));
  frame.style.cssText = 'border: 0; height: 900px';
  const found = [];
  for (const page of pages) {
    await new Promise((loaded) => {
      frame.onload = loaded;
      frame.src = page;
    });
    const { contentDocument: content } = frame;
    content.body.style.removeProperty('display'); // the site shows its pages after 500 ms
    for (const details of content.querySelectorAll('details')) details.open = true;
    for (const width of widths) {
      frame.style.width = `${width}px`;
      const { scrollWidth } = content.documentElement;
      if (scrollWidth <= width) continue;
      const widest = [...content.querySelectorAll('.col-content *')]
        .filter((each) => each.getBoundingClientRect().right > width)
        .map((each) => `${each.tagName.toLowerCase()} ${each.textContent.slice(0, 60)}`);
      found.push({ page, width, scrollWidth, widest: widest.slice(0, 3) });
    }
  }
  await fetch('/found', { method: 'POST', body: JSON.stringify(found) });
}

let receive;
const measured = new Promise((resolve) => (receive = resolve));
const server = createServer((request, response) => {
  if (request.url === '/found') {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => (body += text));
    request.on('end', () => {
      response.end();
      receive(JSON.parse(body));
    });
    return;
  }
  const file = resolve(site, `.${decodeURIComponent(new URL(request.url, 'http://site').pathname)}`);
  if (file === site) {
    response.setHeader('content-type', 'text/html');
    response.end(
      `<!doctype html><body><script>(${measure})(${JSON.stringify(pages)}, ${JSON.stringify(widths)})</script>`,
    );
    return;
  }
  try {
    response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
    response.end(readFileSync(file));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));

const profile = mkdtempSync(join(tmpdir(), 'batchnorm-site-'));
const browser = spawn(
  process.env.CHROMIUM ?? 'chromium',
  [
    ...['--headless=new', '--no-sandbox', '--disable-gpu', '--window-size=1400,1000'],
    ...[`--user-data-dir=${profile}`, `http://127.0.0.1:${server.address().port}/`],
  ],
  { stdio: 'ignore' },
);
const ended = new Promise((resolve, reject) => browser.on('error', reject).on('exit', resolve));
const found = await Promise.race([measured, ended]);
browser.kill();
await ended;
server.close();
server.closeAllConnections();
rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });

if (!Array.isArray(found))
  throw new Error(`Expected chromium to measure the pages but it ended with ${found}`);
for (const { page, width, scrollWidth, widest } of found) {
  console.error(`${page} is ${scrollWidth} pixels wide in a window of ${width}: ${widest.join('; ')}`);
}
console.log(
  `${pages.length} pages, ${found.length} of them wider than a window of ${widths.join(' or ')} pixels`,
);
process.exitCode = found.length === 0 ? 0 : 1;
