// The spectra of two runs side by side, at the step of the slider.
const spectral = data.curves.filter((curve) => curve.spectrum);
const sides = ["left", "right"].filter((side) => $(`spectrum-${side}`));
const chosen = (side) => spectral[Number($(side).value)].spectrum;
const values = (spectrum) => spectrum[spectrum.of];
let steps = [];
const current = () => steps[Number($("step").value)];
function limits() {
  const all = sides.flatMap((side) => [values(chosen(side)), chosen(side).floor, chosen(side).level].flat(2));
  const logs = all.filter((value) => value > 0).map(Math.log10);
  const [low, high] = logs.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
  return logs.length ? { lowest: 10 ** Math.floor(low), highest: 10 ** Math.ceil(high + 0.05) } : {};
}
function renewSteps() {
  const before = current(), last = $("step").value === $("step").max;
  steps = [...new Set(sides.flatMap((side) => chosen(side).step))].sort((a, b) => a - b);
  $("step").max = Math.max(0, steps.length - 1);
  $("step").parentElement.hidden = steps.length < 2;
  const same = steps.findIndex((step) => step >= before);
  $("step").value = last || same < 0 ? steps.length - 1 : same;
  tellStep();
}
function tellStep() {
  const text = steps.length > 1 ? `step ${current().toLocaleString("en").replaceAll(",", "\u202f")}` : "one spectrum";
  $("step-value").textContent = text;
  $("step").setAttribute("aria-valuetext", text);
}
for (const side of sides) {
  spectral.forEach((curve, i) => $(side).add(new Option(curve.name, i)));
  $(side).value = spectral.findIndex((curve) => curve.id === data.pair[sides.indexOf(side)]);
  $(side).parentElement.hidden = spectral.length < 2;
}
if (sides.length) {
  renewSteps();
  for (const side of sides) {
    chart(`spectrum-${side}`, "spectrum", () => `spectrum:${chosen(side).of}`,
      () => having("spectrum", (curve) => curve.spectrum === chosen(side)), () => ({ step: current(), ...limits() }));
  }
  const both = () => sides.map((side) => drawn[`spectrum-${side}`]);
  on(sides, "change", () => {
    renewSteps();
    both().forEach((one) => one.remake());
  });
  on(["step"], "input", () => {
    tellStep();
    both().forEach((one) => one.turn());
  });
}
