// Clients that write HTTP manually: slowly, incompletely or not at all.
import { connect } from 'node:net';

/** A connection; `ended` resolves with all received data when it is closed in any way. */
export async function open(app) {
  const [{ address, port }] = app.addresses();
  const socket = connect(port, address);
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => {
    received += text;
    for (const check of waiting) check();
  });
  const waiting = new Set();
  socket.on('error', () => undefined); // a reset also closes it
  const ended = new Promise((resolve) => socket.once('close', () => resolve(received)));
  await new Promise((resolve) => socket.once('connect', resolve));
  return {
    socket,
    ended,
    /** Resolves when the received data matches. */
    received: (pattern) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (pattern.test(received)) resolve(received);
        };
        waiting.add(check);
        check();
        void ended.then(() => reject(new Error(`Expected ${pattern} but received ${received}`)));
      }),
  };
}

export function headersOf(length, ...further) {
  const headers = ['host: localhost', 'content-type: application/octet-stream', ...further];
  return ['POST /predict HTTP/1.1', ...headers, `content-length: ${length}`, '', ''].join('\r\n');
}

export const statusesOf = (received) =>
  [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
