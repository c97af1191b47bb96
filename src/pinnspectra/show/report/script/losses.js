// Interior losses over gradient steps: as believed, and as they are.
function losses() {
  const logX = $("loss-log-x").checked, sets = [];
  const from = (list) => (logX ? positive(list).filter((p) => p.x > 0) : positive(list));
  for (const curve of having("loss")) {
    const { steps, believed, low, high } = curve.loss, listed = few("loss");
    if ($("loss-believed").checked) {
      sets.push(...band(curve, steps, low, high));
      sets.push(line(curve, { data: from(points(steps, believed)), kind: "believed", listed }));
    }
    if ($("loss-true").checked) {
      const lone = listed && !$("loss-believed").checked;
      sets.push(line(curve, { data: from(points(steps, curve.loss.true)), kind: "true", borderDash: [5, 3], listed: lone }));
    }
  }
  return sets;
}
charts.loss = drawn("loss", axis("gradient step", false), axis("interior loss", true), losses, {
  legend: few("loss"),
  tooltip: (item) => `step ${plain(item.parsed.x)}: ${item.dataset.kind} ${plain(item.parsed.y)}`,
});
if (charts.loss) {
  $("loss-log-x").addEventListener("change", () => {
    charts.loss.options.scales.x = axis("gradient step", $("loss-log-x").checked);
    charts.loss.remake();
  });
  for (const id of ["loss-believed", "loss-true"]) $(id).addEventListener("change", charts.loss.remake);
}
