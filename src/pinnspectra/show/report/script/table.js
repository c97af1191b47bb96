// The table of runs: sorted by its headings, filtered by words; the charts follow.
dark.addEventListener("change", () => Object.values(drawn).forEach((one) => one.remake()));

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
  waiting = setTimeout(() => Object.values(drawn).forEach((one) => one.renew()), 120);
});
filter();
