"use strict";
// Hands the numbers of #data to Chart.js, and sorts and filters the table. Draws nothing itself.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const charts = (window.pinnspectraCharts = {});
  const shownRuns = new Set(data.curves.map((curve) => curve.run));
  document.documentElement.classList.add("scripted");
  for (const element of document.querySelectorAll(".controls[hidden]")) element.hidden = false;

  // ---- colours, which follow the page's scheme
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const variable = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const channels = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  function tone(colour, alpha = 1) {
    const lighter = channels(colour).map((c) => Math.round(dark.matches ? c + 0.3 * (255 - c) : c));
    return `rgba(${lighter.join(",")},${alpha})`;
  }

  // ---- what numbers look like
  const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const power = (e) => "10" + [...String(e)].map((c) => SUPERSCRIPTS[c]).join("");
  function plain(value, digits = 4) {
    if (value === null || value === undefined || Number.isNaN(value)) return "–";
    if (Number.isInteger(value) && Math.abs(value) < 1e15) {
      return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
    }
    const text = String(Number(value.toPrecision(digits)));
    return text.includes("e") || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e6)
      ? text : Number(value.toPrecision(digits)).toExponential().replace("e+", "e");
  }
  // labels of ticks, with as many digits as tell them apart
  function linearTick(value, index, ticks) {
    const step = ticks.length > 1 ? Math.abs(ticks[1].value - ticks[0].value) : 0;
    const largest = Math.max(...ticks.map((tick) => Math.abs(tick.value)));
    const digits = step > 0 ? Math.ceil(Math.log10(largest / step)) + 1 : 4;
    return plain(Number(value.toPrecision(Math.min(Math.max(digits, 1), 12))), 12);
  }
  // at most eight labels on a log axis: powers of ten, or 1-2-5 and finer where there are few
  function logTicks(scale) {
    const low = Math.ceil(Math.log10(scale.min) - 1e-9), high = Math.floor(Math.log10(scale.max) + 1e-9);
    const every = Math.max(1, Math.ceil((high - low) / 8));
    const within = (mantissas) => {
      const found = [];
      for (let e = low - 1; e <= high; e++) {
        for (const m of mantissas) found.push(Number(`${m}e${e}`));
      }
      return found.filter((value) => value >= scale.min * 0.999999 && value <= scale.max * 1.000001);
    };
    let values = within([1]).filter((value) => Math.round(Math.log10(value)) % every === 0);
    for (const mantissas of [[1, 2, 5], [1, 1.5, 2, 3, 4, 5, 7], [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9]]) {
      if (values.length < 3) values = within(mantissas);
    }
    if (values.length < 3) values = [0, 1, 2, 3].map((i) => scale.min + (i / 3) * (scale.max - scale.min));
    scale.ticks = values.map((value) => ({ value }));
  }
  function logTick(value, index, ticks) {
    const logs = ticks.map((tick) => Math.log10(tick.value)), e = logs[index];
    const whole = logs.every((log) => Math.abs(log - Math.round(log)) < 1e-9);
    return whole && Math.max(...logs.map(Math.abs)) > 2.5 ? power(Math.round(e)) : linearTick(value, index, ticks);
  }
  const middleCut = (text, most) =>
    text.length <= most ? text : `${text.slice(0, most / 2)}…${text.slice(-most / 2)}`;

  // ---- charts
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

  // ---- spectra
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

  // ---- entropy
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
  for (const name of Object.keys(charts)) if (!charts[name]) delete charts[name];
  const remakeAll = () => Object.values(charts).forEach((chart) => chart.remake());
  dark.addEventListener("change", remakeAll);

  // ---- the table
  const table = $("runs"), body = table.tBodies[0], rows = [...body.rows];
  const headers = [...table.tHead.rows[0].cells];
  const order = new Intl.Collator("en", { numeric: true });
  function compare(a, b, column, sign) {
    const [left, right] = [a, b].map((row) => row.cells[column].dataset.value);
    if (left === "" || right === "") return (left === "") - (right === ""); // missing ones last
    const [x, y] = [Number(left), Number(right)];
    return sign * (Number.isNaN(x) || Number.isNaN(y) ? order.compare(left, right) : x - y);
  }
  headers.forEach((header, column) => {
    header.querySelector("button").addEventListener("click", () => {
      const down = header.getAttribute("aria-sort") === "ascending";
      for (const other of headers) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...rows.sort((a, b) => compare(a, b, column, down ? -1 : 1)));
    });
  });
  const searched = new Map(rows.map((row) => [row, `${row.textContent} ${row.dataset.also}`.toLowerCase()]));
  const total = new Set(rows.map((row) => row.dataset.run)).size;
  function filter() {
    const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    shownRuns.clear();
    for (const row of rows) {
      row.hidden = !words.every((word) => searched.get(row).includes(word));
      if (!row.hidden) shownRuns.add(Number(row.dataset.run));
    }
    for (const card of document.querySelectorAll(".card[data-run]")) card.hidden = !shownRuns.has(Number(card.dataset.run));
    document.querySelector(".none").hidden = shownRuns.size > 0;
    const every = Math.ceil(data.curves.filter((c) => shownRuns.has(c.run)).length / MOST_CURVES);
    $("hint").textContent =
      "also filters the charts" + (every > 1 ? `, which draw one of ${every} curves` : "");
    $("shown").textContent = `${shownRuns.size} of ${total} run${total === 1 ? "" : "s"}`;
  }
  let waiting = 0;
  $("filter").addEventListener("input", () => {
    filter();
    clearTimeout(waiting);
    waiting = setTimeout(remakeAll, 120);
  });
  filter();
})();
