// Colours, which follow the page's scheme.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const variable = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const channels = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
function tone(colour, alpha = 1) {
  const lighter = channels(colour).map((c) => Math.round(dark.matches ? c + 0.3 * (255 - c) : c));
  return `rgba(${lighter.join(",")},${alpha})`;
}
