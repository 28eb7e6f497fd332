import { existsSync } from 'node:fs';
import { figures } from './figures.mjs';
import { writeMarkdown } from './markdown.mjs';

/** A page with one chart for each kernel and number of threads, or only tables if ECharts is not installed. */
export async function writePage(results) {
  const charts = existsSync('bench/node_modules/echarts') ? await drawCharts(results) : [];
  const escape = (text) => text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>batchnorm: benchmark</title>
<style>body { font: 16px sans-serif; max-width: 1000px; margin: 2em auto } pre { font-size: 12px; overflow-x: auto }</style>
<h1>batchnorm: benchmark</h1>
<p>Each bar is a time as a multiple of the floor, what memory allows; shorter is better, 1 is the floor. The dashed
line is our own limit.</p>
${charts.join('\n')}
<pre>${escape(writeMarkdown(results))}</pre>
</html>
`;
}

async function drawCharts(results) {
  const echarts = await import('echarts');
  const all = figures(results);
  const charts = [];
  for (const kernel of ['training', 'backward', 'inference']) {
    for (const threads of new Set(all.map((each) => each.threads))) {
      const own = all.filter((each) => each.kernel === kernel && each.threads === threads);
      charts.push(draw(echarts, `${kernel}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`, own));
    }
  }
  return charts;
}

function draw(echarts, title, own) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 1000, height: 340 });
  const peers = {
    batchnorm: ({ ours }) => ours,
    oneDNN: ({ oneDNN }) => oneDNN?.time,
    PyTorch: ({ pyTorch }) => pyTorch?.time,
    onnxruntime: ({ onnxruntime }) => onnxruntime?.time,
  };
  const limit = own.find((each) => each.limit !== undefined)?.limit;
  const series = Object.entries(peers)
    .filter(([, time]) => own.some((each) => time(each) !== undefined))
    .map(([name, time], i) => ({
      name,
      type: 'bar',
      data: own.map((each) => Number(((time(each) ?? NaN) / each.floor).toFixed(2)) || null),
      ...(i === 0 && limit !== undefined
        ? { markLine: { symbol: 'none', lineStyle: { type: 'dashed' }, data: [{ yAxis: limit }] } }
        : {}),
    }));
  chart.setOption({
    animation: false,
    title: { text: title },
    legend: { right: 10 },
    xAxis: {
      type: 'category',
      data: own.map(({ shape }) => shape),
      axisLabel: { interval: 0, fontSize: 10 },
    },
    yAxis: { type: 'log', name: '× floor' },
    series,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
