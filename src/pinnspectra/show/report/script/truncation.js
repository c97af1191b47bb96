// The errors of truncated solutions over the truncation position.
charts.truncation = drawn("truncation", axis("truncation position P", false), axis("relative training error", true), () =>
  having("truncation").flatMap((curve) => {
    const { position, error, used } = curve.truncation, k = position.indexOf(used);
    const dot = k < 0 ? [] : [line(curve, { data: [{ x: used, y: error[k] }], kind: "used", pointRadius: 5, showLine: false, borderColor: variable("--ink"), borderWidth: 1.25 })];
    return [line(curve, { data: positive(points(position, error)), pointRadius: 1.5, kind: "error", listed: few("truncation") }), ...dot];
  }), {
  legend: few("truncation"), tooltip: (item) => `P = ${plain(item.parsed.x)}: ${plain(item.parsed.y)}`,
});
if (charts.truncation) {
  $("truncation-log-x").addEventListener("change", () => {
    charts.truncation.options.scales.x = axis("truncation position P", $("truncation-log-x").checked);
    charts.truncation.remake();
  });
}
