// Shows what the worker reports, and sends it drawn digits.
const byId = (id) => document.getElementById(id);
const size = 28;

const source = byId('worker-source').textContent;
const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
const worker = new Worker(url);

let drawings = 0;
const losses = [];
const accuracies = [];
const show = {
  backend({ backend: { name, isa, reason } }) {
    const why = reason === undefined ? '' : `: ${reason}`;
    byId('backend').textContent =
      `A residual network with batch norm, trained in a web worker. Backend: ${name}, ${isa}${why}.`;
  },
  progress({ step, steps, loss, imagesPerSecond, seconds }) {
    losses.push([step, loss]);
    byId('progress').value = step / steps;
    byId('loss').textContent = loss.toFixed(3);
    byId('speed').textContent = imagesPerSecond.toFixed(0);
    byId('time').textContent = seconds.toFixed(1);
    drawCurve(byId('loss-curve'), losses, steps, [0, Math.max(...losses.map(([, value]) => value))], 1);
  },
  validation({ step, steps, accuracy, confusion }) {
    accuracies.push([step, accuracy * 100]);
    const text = `${(accuracy * 100).toFixed(1)} %`;
    byId('accuracy').textContent = text;
    document.body.dataset.accuracy = String(accuracy);
    drawCurve(byId('accuracy-curve'), accuracies, steps, [0, 100], 0);
    drawConfusion(confusion);
  },
  done() {
    document.body.dataset.done = 'true';
  },
  failure({ message }) {
    fail(message);
  },
  prediction({ drawing, scores }) {
    // Of a drawing that was cleared meanwhile.
    if (drawing !== drawings) return;
    const best = scores.indexOf(Math.max(...scores));
    byId('prediction').value = `This looks like a ${best}.`;
    document.body.dataset.prediction = String(best);
    showScores(scores);
  },
};
worker.onmessage = ({ data }) => show[data.kind](data);
const fail = (message) => {
  byId('backend').textContent = `Training failed: ${message}`;
};
worker.onerror = ({ message }) => fail(message);

function drawCurve(svg, points, steps, [low, high], digits) {
  const left = 30;
  const [width, height] = [320 - left - 4, 140];
  const x = (step) => left + (step / steps) * width;
  const y = (value) => 6 + height - ((value - low) / (high - low || 1)) * height;
  const lines = [0, 0.5, 1].map((part) => {
    const value = low + part * (high - low);
    return `<line x1="${left}" x2="${left + width}" y1="${y(value)}" y2="${y(value)}"/>
      <text x="${left - 4}" y="${y(value) + 3}" text-anchor="end">${value.toFixed(digits)}</text>`;
  });
  const path = points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  svg.innerHTML = `${lines.join('')}<polyline points="${path}"/>
    <text x="${left}" y="158">step 0</text><text x="${left + width}" y="158" text-anchor="end">${steps}</text>`;
}

function drawConfusion(rows) {
  const table = byId('confusion');
  const head = `<tr><th></th>${rows.map((_, digit) => `<th scope="col">${digit}</th>`).join('')}</tr>`;
  const body = rows.map((row, digit) => {
    const total = row.reduce((a, b) => a + b, 0);
    const cells = row.map((count, guess) => {
      const color = guess === digit ? '--right' : '--wrong';
      const strength = Math.min(0.7, (count / total) * (guess === digit ? 0.7 : 5));
      return `<td style="background: rgba(var(${color}), ${strength})">${count || ''}</td>`;
    });
    return `<tr><th scope="row">${digit}</th>${cells.join('')}</tr>`;
  });
  table.innerHTML = `${table.caption.outerHTML}<thead>${head}</thead><tbody>${body.join('')}</tbody>`;
}

const canvas = byId('canvas');
const pen = canvas.getContext('2d', { willReadFrequently: true });
Object.assign(pen, { lineWidth: 22, lineCap: 'round', lineJoin: 'round', strokeStyle: '#fff' });
const invitation = byId('prediction').value;
let last;

const placeOf = ({ offsetX, offsetY }) => [
  (offsetX * canvas.width) / canvas.clientWidth,
  (offsetY * canvas.height) / canvas.clientHeight,
];
canvas.addEventListener('pointerdown', (event) => {
  canvas.setPointerCapture(event.pointerId);
  last = placeOf(event);
  drawTo(last);
});
canvas.addEventListener('pointermove', (event) => {
  if (last !== undefined) drawTo(placeOf(event));
});
for (const end of ['pointerup', 'pointercancel']) {
  canvas.addEventListener(end, () => {
    last = undefined;
  });
}
byId('clear').addEventListener('click', () => {
  drawings++;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  byId('prediction').value = invitation;
  showScores(new Array(10).fill(0));
});
byId('scores').innerHTML = Array.from({ length: 10 }, () => '<li><div></div></li>').join('');

function showScores(scores) {
  [...byId('scores').children].forEach((item, digit) => {
    item.firstChild.style.width = `${scores[digit] * 100}%`;
  });
}

function drawTo(to) {
  pen.beginPath();
  pen.moveTo(...last);
  pen.lineTo(...to);
  pen.stroke();
  last = to;
  read();
}

/** Sends the drawing, as large and as centered as the digits of the training images. */
function read() {
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  let [left, top, right, bottom] = [canvas.width, canvas.height, -1, -1];
  for (let y = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++) {
      if (data[4 * (y * canvas.width + x) + 3] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  if (right < 0) return;
  const [width, height] = [right - left + 1, bottom - top + 1];
  const scale = 20 / Math.max(width, height);
  const small = document.createElement('canvas');
  small.width = small.height = size;
  const context = small.getContext('2d');
  context.imageSmoothingQuality = 'high';
  const [smallWidth, smallHeight] = [width * scale, height * scale];
  context.drawImage(
    ...[canvas, left, top, width, height],
    ...[(size - smallWidth) / 2, (size - smallHeight) / 2, smallWidth, smallHeight],
  );
  const rgba = context.getImageData(0, 0, size, size).data;
  const pixels = Uint8Array.from({ length: size * size }, (_, i) => rgba[4 * i + 3]);
  worker.postMessage({ drawing: drawings, pixels, rows: size, columns: size });
}
