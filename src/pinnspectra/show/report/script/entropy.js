// Truncated entropy: against the loss of every run, and over steps.
const paths = () => $("paths").checked;
function clouds() {
  const measure = $("measure").value, sets = [];
  const some = data.points.filter((p) => shownRuns.has(p.run) && p[measure] > 0);
  some.sort((a, b) => methods.indexOf(a.method) - methods.indexOf(b.method));
  const of = [...new Set(some.map((p) => p.colour))];
  for (const colour of of) {
    const these = some.filter((p) => p.colour === colour);
    sets.push({
      data: these.map((p) => ({ x: p.truncated_entropy, y: p[measure] })), kind: "point",
      names: these.map((p) => p.name), statuses: these.map((p) => p.status), methods: these.map((p) => p.method),
      runs: these.map((p) => p.run), backgroundColor: tone(colour, 0.85), borderColor: variable("--paper"),
      borderWidth: 1, pointRadius: some.length > 200 ? 3 : 5 + 3 * first(these[0].method), pointHoverRadius: 8,
      order: -sets.length,
      pointStyle: these.map((p) => (p.status === "finished" ? "circle" : "triangle")), showLine: false,
    });
  }
  if (paths()) {
    for (const curve of having("entropy")) {
      if (!curve.entropy.loss) continue;
      sets.push(line(curve, {
        data: positive(points(curve.entropy.H, curve.entropy.loss)), kind: "path", silent: true, borderWidth: 1,
        borderColor: tone(curve.colour, 0.6), pointRadius: 1.5, pointHitRadius: 0, order: 1000,
      }));
    }
  }
  return sets;
}
charts.entropyLoss = drawn("entropy-loss", axis("truncated entropy H", false), axis("", true), clouds, {
  type: "scatter",
  tooltip: (item) => [
    `${item.dataset.methods[item.dataIndex]}, ${item.dataset.statuses[item.dataIndex]}`,
    `H = ${plain(item.parsed.x)}`, `${data.measures[$("measure").value]} = ${plain(item.parsed.y)}`,
  ],
});
if (charts.entropyLoss) {
  const measured = () => {
    const loss = $("measure").value === "loss";
    $("paths").disabled = !loss;
    if (!loss) $("paths").checked = false;
    const all = data.points.map((p) => p[$("measure").value]).filter((v) => v > 0);
    const [low, high] = [Math.min(...all), Math.max(...all)], room = Math.max((high / low) ** 0.07, 1.05);
    if (all.length) Object.assign(charts.entropyLoss.options.scales.y, { min: low / room, max: high * room });
    const across = data.points.map((p) => p.truncated_entropy);
    const [left, right] = [Math.min(...across), Math.max(...across)], edge = Math.max(0.07 * (right - left), 0.02 * right);
    if (all.length) Object.assign(charts.entropyLoss.options.scales.x, { suggestedMin: Math.max(0, left - edge), suggestedMax: right + edge });
    charts.entropyLoss.options.scales.y.title.text = data.measures[$("measure").value];
    charts.entropyLoss.remake();
  };
  document.querySelector(".paths").hidden = !data.curves.some((c) => c.entropy?.loss);
  $("measure").addEventListener("change", measured);
  $("paths").addEventListener("change", measured);
  measured();
}
charts.entropySteps = drawn("entropy-steps", axis("gradient step", false), axis("truncated entropy H", false), () =>
  having("entropy").flatMap((curve) => [
    ...band(curve, curve.entropy.steps, curve.entropy.low, curve.entropy.high),
    line(curve, { data: points(curve.entropy.steps, curve.entropy.H), kind: "H", pointRadius: 2 }),
  ]), {
  tooltip: (item) => `step ${plain(item.parsed.x)}: H = ${plain(item.parsed.y)}`,
});
