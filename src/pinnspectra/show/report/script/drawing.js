// What the charts share: axes, colours, tooltips, and the curves of a run.
Chart.defaults.font.family = variable("--sans");
function axis(title, log) {
  return {
    type: log ? "logarithmic" : "linear",
    title: { display: true, text: title },
    ticks: { callback: log ? logTick : linearTick, maxRotation: 0, autoSkipPadding: 20, maxTicksLimit: 8 },
    afterBuildTicks: log ? logTicks : undefined,
  };
}
function themed(chart) {
  const ink = variable("--quiet"), rule = variable("--grid");
  for (const scale of Object.values(chart.options.scales)) {
    scale.ticks.color = ink;
    scale.title.color = ink;
    scale.grid = { color: rule };
    scale.border = { color: variable("--rule") };
  }
  const { tooltip, legend } = chart.options.plugins;
  tooltip.backgroundColor = variable("--ink");
  tooltip.titleColor = tooltip.bodyColor = variable("--paper");
  legend.labels.color = variable("--ink");
}
function drawn(id, x, y, make, more = {}) {
  const canvas = $(id);
  if (!canvas) return null;
  canvas.parentElement.hidden = false;
  const chart = new Chart(canvas, {
    type: more.type || "line",
    data: { datasets: [] },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, normalized: true,
      interaction: { mode: "nearest", intersect: false },
      scales: { x, y },
      plugins: {
        legend: {
          display: Boolean(more.legend), position: "bottom",
          labels: {
            boxWidth: 22, boxHeight: 0, padding: 12,
            filter: (item, all) => all.datasets[item.datasetIndex].listed === true,
            sort: (a, b) => a.datasetIndex - b.datasetIndex,
          },
          onClick: (event, item, legend) => toggle(legend.chart, item.datasetIndex),
        },
        tooltip: {
          displayColors: false, padding: 10,
          filter: (item) => !item.dataset.silent,
          callbacks: {
            title: (items) => items.length ? items[0].dataset.names?.[items[0].dataIndex] || items[0].dataset.name : "",
            label: more.tooltip,
          },
        },
      },
    },
  });
  chart.remake = () => {
    chart.data.datasets = make();
    themed(chart);
    chart.update();
  };
  chart.remake();
  for (const still of document.querySelectorAll(`[data-stands-for="${more.still || id}"]`)) {
    still.classList.add("live");
  }
  return chart;
}
function toggle(chart, index) {
  const name = chart.data.datasets[index].name, on = chart.isDatasetVisible(index);
  chart.data.datasets.forEach((set, i) => {
    if (set.name === name) chart.setDatasetVisibility(i, !on);
  });
  chart.update();
}
const points = (x, y) => x.map((value, i) => ({ x: value, y: y[i] }));
const positive = (list) => list.map((p) => (p.y > 0 ? p : { x: p.x, y: null }));
const MOST_CURVES = 60; // of more, every so many of those that the table shows
function having(part) {
  const all = data.curves.filter((c) => c[part] && shownRuns.has(c.run)), every = Math.ceil(all.length / MOST_CURVES);
  return all.filter((_, i) => i % every === 0);
}
const few = (part) => data.curves.filter((c) => c[part]).length <= 8;
// the first method's curves are the widest and below, so that those that coincide both show
const methods = data.methods;
const rank = data.curves.map((c, i) => data.curves.slice(0, i).filter((other) => other.method === c.method).length);
const byMethod = data.curves.map((_, i) => i).sort((a, b) => methods.indexOf(data.curves[a].method) - methods.indexOf(data.curves[b].method) || a - b);
const place = (curve) => (data.curves.length > 24 ? rank[data.curves.indexOf(curve)] : byMethod.indexOf(data.curves.indexOf(curve)));
const first = (method) => (data.curves.length > 24 || methods.length < 2 ? 0 : 1 - methods.indexOf(method) / (methods.length - 1));
const line = (curve, more) => ({
  name: curve.label || curve.method, label: middleCut(curve.label || curve.method, 44),
  run: curve.run, borderColor: tone(curve.colour, data.curves.length > 24 ? 0.6 : 1), backgroundColor: tone(curve.colour),
  order: -place(curve), borderWidth: 1.5 + 2.5 * first(curve.method), pointRadius: 0, pointHitRadius: 8, pointHoverRadius: 4, spanGaps: true, ...more,
});
function band(curve, x, low, high) {
  if (!low) return [];
  const edge = { listed: false, silent: true, borderWidth: 0, pointRadius: 0, pointHitRadius: 0 };
  return [
    line(curve, { ...edge, data: points(x, low), kind: "low" }),
    line(curve, { ...edge, data: points(x, high), kind: "high", fill: "-1", backgroundColor: tone(curve.colour, 0.13) }),
  ];
}
