// What numbers look like, in words and on axes.
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
