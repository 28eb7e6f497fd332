// The files of the page that GET / shows, which are few and small, so that they are kept in memory.
import { readFileSync } from 'node:fs';

const FILES = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page/style.css': ['style.css', 'text/css; charset=utf-8'],
  ...Object.fromEntries(
    ['main', 'pad', 'digit', 'predictor', 'curves'].map((name) => [
      `/page/${name}.js`,
      [`${name}.js`, 'text/javascript; charset=utf-8'],
    ]),
  ),
};

const HEADERS = {
  // The page needs nothing from elsewhere and runs no script but its own.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
};

/** A Fastify plugin with the routes of the page. */
export function pageRoutes(app, _, done) {
  for (const [route, [name, type]] of Object.entries(FILES)) {
    const content = readFileSync(new URL(`page/${name}`, import.meta.url));
    app.get(route, (_request, reply) => reply.headers(HEADERS).type(type).send(content));
  }
  done();
}
