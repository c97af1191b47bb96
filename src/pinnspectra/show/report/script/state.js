// The numbers of the page, and which runs the table shows.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const charts = (window.pinnspectraCharts = {});
const shownRuns = new Set(data.curves.map((curve) => curve.run));
document.documentElement.classList.add("scripted");
for (const element of document.querySelectorAll(".controls[hidden]")) element.hidden = false;
