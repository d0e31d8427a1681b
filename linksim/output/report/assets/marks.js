// How a method looks: a colour, a mark and a line, in the chart, in the legend and on its card.

const SHAPES = [
  (x, y, r) => `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`, // disc
  (x, y, r) => `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`, // square
  (x, y, r) => `M${x},${y - 1.3 * r}l${1.3 * r},${1.3 * r}l${-1.3 * r},${1.3 * r}l${-1.3 * r},${-1.3 * r}Z`, // diamond
  (x, y, r) => `M${x},${y - 1.2 * r}l${1.25 * r},${2.2 * r}h${-2.5 * r}Z`, // triangle
  (x, y, r) => `M${x},${y + 1.2 * r}l${1.25 * r},${-2.2 * r}h${-2.5 * r}Z`, // triangle on its tip
];

/** Shape of a method's mark as an SVG path around (x, y); "" for the original, which is a reference. */
function mark(method, x, y, r) {
  return method === "original" ? "" : SHAPES[data.methods.indexOf(method) % SHAPES.length](x, y, r);
}

/** A method's colour now: it follows the colour scheme. */
function colour(method) {
  const name = method === "original" ? "--muted" : `--m${data.methods.indexOf(method) % 10}`;
  return themeColour(name);
}

function themeColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const dash = (method) => (method === "original" ? [7, 5] : []);

/** A piece of a method's curve. */
function swatch(method) {
  const fill = `var(${method === "original" ? "--muted" : `--m${data.methods.indexOf(method) % 10}`})`;
  const line = svg("path", { d: "M1,7H25", stroke: fill, "stroke-width": 2, "stroke-dasharray": dash(method).join(" ") });
  const point = svg("path", { d: mark(method, 13, 7, 4), fill });
  return svg("svg", { width: 26, height: 14, viewBox: "0 0 26 14", "aria-hidden": "true" }, line, point);
}
