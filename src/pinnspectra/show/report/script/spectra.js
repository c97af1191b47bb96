// The spectra of two runs side by side, at the step of the slider.
const spectral = data.curves.map((c, i) => [c, i]).filter(([c]) => c.spectrum);
const chosen = { left: data.pair[0], right: data.pair[1] };
let steps = [];
const current = () => steps[Number($("step").value)];
function at(spectrum, step) {
  let k = 0;
  while (k + 1 < spectrum.steps.length && spectrum.steps[k + 1] <= step) k++;
  return k;
}
const up = (logarithm) => (logarithm === null || logarithm === undefined ? null : 10 ** logarithm);
function spectrumSets(side) {
  const curve = data.curves[chosen[side]], s = curve?.spectrum;
  if (!s) return [];
  const k = at(s, current()), values = s.log10[k].map(up), level = s.cutoff * s.largest[k];
  const e = s.e[k], of = s.of === "G" ? "eigenvalue λₖ" : "singular value σₖ";
  const sets = [line(curve, {
    data: points(s.index, values), kind: "value", listed: true, label: e ? `${of}, e = ${plain(e)}` : of, borderWidth: 1, pointRadius: 2, pointHoverRadius: 4,
  })];
  const ink = variable("--ink");
  if (level > 0) {
    sets.push(line(curve, {
      data: points([s.index[0], s.index.at(-1)], [level, level]), kind: "cut-off", label: `cut-off, a = ${plain(s.cutoff)}`,
      borderDash: [6, 4], borderWidth: 1.25, listed: true, borderColor: tone(curve.colour, 0.8),
    }));
    const place = s.index.reduce((best, index, i) => (index <= e ? i : best), 0);
    if (e > 0) {
      sets.push(line(curve, {
        data: [{ x: e, y: values[place] }], kind: "e", label: `e = ${plain(e)}`, pointRadius: 5, pointStyle: "circle",
        borderColor: ink, borderWidth: 1.25, showLine: false, order: -2000,
      }));
    }
  }
  if (s.floor.some((v) => v !== null)) {
    sets.push(line(curve, {
      data: points(s.index.slice(0, s.floor.length), s.floor.map(up)), kind: "floor", label: s.of === "G" ? "rounding floor, last spectrum" : "rounding floor",
      borderDash: [1.5, 3], borderWidth: 1.75, listed: true, borderColor: ink, order: -1000,
    }));
  }
  return sets;
}
function spectrumLimits() {
  const logs = ["left", "right"].flatMap((side) => {
    const s = data.curves[chosen[side]]?.spectrum;
    if (!s) return [];
    const first = s.largest.filter((v) => v > 0).map((v) => Math.log10(v * s.cutoff)).filter(Number.isFinite);
    return [...s.log10.flat(), ...s.floor, ...first];
  }).filter((v) => v !== null);
  if (!logs.length) return {};
  const [low, high] = logs.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  return { min: 10 ** Math.floor(low), max: 10 ** Math.ceil(high + 0.05) };
}
const spectrumTip = (item) => {
  const { kind, label } = item.dataset;
  return kind === "cut-off" ? `${label}: ${plain(item.parsed.y)}`
    : `k = ${plain(item.parsed.x)}: ${plain(item.parsed.y)}${kind === "value" ? "" : ` (${label})`}`;
};
const ofMatrix = (side) => (data.curves[chosen[side]]?.spectrum?.of === "A" ? "singular value σₖ of A" : "eigenvalue λₖ of G");
for (const side of ["left", "right"]) {
  const name = side === "left" ? "spectrumLeft" : "spectrumRight";
  charts[name] = drawn(`spectrum-${side}`, axis("index k", false), axis(ofMatrix(side), true), () => spectrumSets(side), {
    legend: true, tooltip: spectrumTip, still: "spectrum",
  });
}
function renewSpectra() {
  const limits = spectrumLimits();
  const most = Math.max(...["left", "right"].map((side) => data.curves[chosen[side]]?.spectrum?.index.at(-1) || 1));
  for (const [side, chart] of [["left", charts.spectrumLeft], ["right", charts.spectrumRight]]) {
    if (!chart) continue;
    Object.assign(chart.options.scales.y, limits);
    Object.assign(chart.options.scales.x, { min: 0, max: most });
    chart.options.scales.y.title.text = ofMatrix(side);
    chart.remake();
  }
  const text = steps.length > 1 ? `step ${plain(current())}` : "one spectrum";
  $("step-value").textContent = text;
  $("step").setAttribute("aria-valuetext", text);
}
function renewSteps() {
  const before = current(), last = $("step").value === $("step").max;
  const all = ["left", "right"].flatMap((side) => data.curves[chosen[side]]?.spectrum?.steps || []);
  steps = [...new Set(all)].sort((a, b) => a - b);
  $("step").max = Math.max(0, steps.length - 1);
  $("step").parentElement.hidden = steps.length < 2;
  const same = steps.findIndex((step) => step >= before);
  $("step").value = last || same < 0 ? steps.length - 1 : same;
  renewSpectra();
}
if (charts.spectrumLeft) {
  for (const side of ["left", "right"].filter($)) {
    for (const [curve, i] of spectral) $(side).add(new Option(middleCut(curve.label || curve.method, 70), i));
    $(side).value = chosen[side];
    $(side).parentElement.hidden = spectral.length < 2;
    $(side).addEventListener("change", () => {
      chosen[side] = Number($(side).value);
      renewSteps();
    });
  }
  $("step").addEventListener("input", renewSpectra);
  renewSteps();
}
