// The charts: Vega draws their definitions over the curves of the runs that the table shows.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const shownRuns = new Set([...data.curves, ...data.points].map((one) => one.run));
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const MOST_CURVES = 60; // of more, every so many of those that the table shows
const drawn = (window.pinnspectraCharts = {});
document.documentElement.classList.add("scripted");
for (const element of document.querySelectorAll(".controls[hidden]")) element.hidden = false;

const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function themed(definition, description) {
  const [ink, quiet, rule, grid] = ["--ink", "--quiet", "--rule", "--grid"].map(variable);
  const lighter = (hex) => "#" + [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16))
    .map((c) => Math.round(c + 0.3 * (255 - c)).toString(16).padStart(2, "0")).join("");
  const text = JSON.stringify(definition).replaceAll('"black"', JSON.stringify(ink));
  const spec = JSON.parse(dark.matches ? text.replace(/#[0-9a-f]{6}\b/gi, lighter) : text);
  spec.config.axis = { ...spec.config.axis, labelColor: quiet, titleColor: quiet, gridColor: grid, domainColor: rule, tickColor: rule };
  spec.config.legend = { ...spec.config.legend, labelColor: ink };
  return { ...spec, description, width: "container", height: "container", autosize: { type: "fit", contains: "padding" }, data: { name: "rows" } };
}
function tell(handler, event, item, value) {
  const told = Object.entries(value || {}).filter(([, text]) => !["", "null", "NaN", "undefined"].includes(text));
  const tip = $("tip");
  tip.hidden = !told.length || !event;
  if (tip.hidden) return;
  tip.textContent = told.map(([name, text]) => `${name}: ${text}`).join("\n");
  tip.style.left = `${Math.min(event.pageX + 12, document.documentElement.clientWidth - tip.offsetWidth - 4)}px`;
  tip.style.top = `${event.pageY + 16}px`;
}
// a chart in the element `id`: what defines it and its rows are asked for again whenever it changes
function chart(id, still, define, rows, signals = () => ({})) {
  const place = $(id);
  if (!place) return;
  const set = ({ view }) => {
    for (const [name, value] of Object.entries(signals())) view.signal(name, value);
    return view.run();
  };
  const one = (drawn[id] = {
    remake() {
      one.view?.finalize();
      const { spec } = vegaLite.compile(themed(data.charts[define()], place.nextElementSibling.alt));
      one.view = new vega.View(vega.parse(spec, null, { ast: true }), {
        expr: vega.expressionInterpreter, container: place, renderer: "canvas", hover: true, logLevel: vega.Error, tooltip: tell,
      });
      one.renew();
    },
    renew: () => set({ view: one.view.data("rows", rows()) }),
    turn: () => set(one),
  });
  place.hidden = false;
  for (const picture of document.querySelectorAll(`[data-stands-for="${still}"]`)) picture.classList.add("live");
  one.remake();
}
// the curves that have a part, each with the columns of that
function having(part, some = (curve) => shownRuns.has(curve.run)) {
  const all = data.curves.filter((curve) => curve[part] && some(curve));
  const every = Math.ceil(all.length / MOST_CURVES);
  return all.filter((_, i) => i % every === 0).map(({ run, id, name, method, [part]: columns }) => ({ run, id, name, method, ...columns }));
}
const logged = (id, name) => name + ($(id).checked ? ":log" : "");
const on = (ids, event, what) => ids.filter($).forEach((id) => $(id).addEventListener(event, what));

chart("loss", "loss", () => logged("loss-log-x", "loss"), () => having("loss"),
  () => ({ show_believed: $("loss-believed").checked, show_true: $("loss-true").checked }));
on(["loss-log-x"], "change", () => drawn.loss.remake());
on(["loss-believed", "loss-true"], "change", () => drawn.loss.turn());

chart("truncation", "truncation", () => logged("truncation-log-x", "truncation"), () => having("truncation"));
on(["truncation-log-x"], "change", () => drawn.truncation.remake());

chart("entropy-steps", "entropy-steps", () => "entropy-steps", () => having("entropy"));

const measure = () => $("measure").value;
const path = ({ step, truncated_entropy, path, ...curve }) =>
  step.map((_, i) => ({ ...curve, step: step[i], truncated_entropy: truncated_entropy[i], path: path[i] }));
chart("entropy-loss", "entropy-loss", () => `entropy-loss:${measure()}`, () => [
  ...data.points.filter((point) => shownRuns.has(point.run)),
  ...($("paths").checked ? having("entropy").flatMap(path) : []),
]);
on(["measure"], "change", () => {
  $("paths").disabled = measure() !== "loss";
  $("paths").checked &&= measure() === "loss";
  drawn["entropy-loss"].remake();
});
on(["paths"], "change", () => drawn["entropy-loss"].renew());
