/** An SVG of two charts: y against |mean| / deviation, and the worst of every quantity as a multiple of its limit. */
export async function plot({ groups, sweep, names, limits, quantities }) {
  // Installed in bench/ by `npm ci --ignore-scripts`.
  const echarts = await import('echarts');
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 1000, height: 460 });
  const smallest = 1e-9;
  const most = 1e9;
  // A logarithmic axis cannot show zero or infinity.
  const clamp = (value) => Math.min(most, Math.max(smallest, Number.isNaN(value) ? most : value));
  const measured = (name) => groups.map(({ total }) => total[name]).filter((each) => each !== undefined);
  const lines = names
    .filter((name) => sweep.every(({ errors }) => errors[name] !== undefined))
    .map((name) => ({
      name,
      type: 'line',
      symbolSize: 5,
      data: sweep.map(({ ratio, errors }) => [ratio, clamp(errors[name].y)]),
    }));
  const bars = names.map((name) => ({
    name,
    type: 'bar',
    xAxisIndex: 1,
    yAxisIndex: 1,
    data: quantities.map((quantity) =>
      clamp(Math.max(...measured(name).map((errors) => errors[quantity] / limits[quantity]))),
    ),
  }));
  const limitAt = (yAxis) => ({
    symbol: 'none',
    silent: true,
    lineStyle: { type: 'dashed', color: '#333' },
    label: { formatter: 'limit', position: 'insideStartTop' },
    data: [{ yAxis }],
  });
  lines[0].markLine = limitAt(limits.y);
  bars[0].markLine = limitAt(1);
  const power = (value) => `1e${Math.round(Math.log10(value))}`;
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    legend: { bottom: 0 },
    title: [
      { text: 'error of y against |mean| / std', left: 20, top: 5, textStyle: { fontSize: 14 } },
      {
        text: 'worst errors of all inputs, in multiples of the limit',
        left: 510,
        top: 5,
        textStyle: { fontSize: 14 },
      },
    ],
    grid: [
      { left: 70, width: 390, top: 50, bottom: 90 },
      { left: 560, width: 410, top: 50, bottom: 90 },
    ],
    xAxis: [
      {
        type: 'log',
        name: '|mean| / std',
        nameLocation: 'middle',
        nameGap: 25,
        axisLabel: { formatter: power },
      },
      { type: 'category', gridIndex: 1, data: quantities },
    ],
    yAxis: [
      { type: 'log', min: 1e-8, max: 10, axisLabel: { formatter: power } },
      { type: 'log', gridIndex: 1, min: 1e-2, axisLabel: { formatter: power } },
    ],
    series: [...lines, ...bars],
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}
