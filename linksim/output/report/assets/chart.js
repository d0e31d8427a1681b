// The curves: a uPlot chart of the chosen metric, its intervals as bands, and a legend that reads it.

let chart = null;
const MAX_MARKS = 24; // on a curve

/** Draw the chosen metric anew. */
function drawChart() {
  const metric = metricNow();
  const place = document.getElementById("chart");
  document.getElementById("y-title").textContent = metric.label;
  document.getElementById("x-title").textContent = alongTitle();
  chart?.destroy();
  chart = new uPlot(chartOptions(metric, place), chartData(metric), place);
  place.dataset.ready = metric.column;
}

function alongTitle() {
  if (state.along === "snr") return "SNR (dB)";
  const unit = data.budgets[0].startsWith("bpp") ? "bits per pixel" : "channel uses per source sample";
  return `${unit}, at ${snrText(state.snr)}`;
}

/** Column x, then value, lower and upper end for each method. What cannot be drawn is a gap. */
function chartData(metric) {
  const drawn = (value) => (Number.isFinite(value) && !(isLog(metric) && value <= 0) ? value : null);
  const columns = [alongValues()];
  for (const method of data.methods) {
    const above = method === "original" && metric.capped; // a line at the cap, far above all curves
    for (const end of ["", "_lo", "_hi"]) {
      columns.push(alongValues().map((_, i) => (above ? null : drawn(valueOf(rowAlong(method, i), metric.column + end)))));
    }
  }
  return columns;
}

/** Whether the metric's axis is logarithmic: if it is meant to be, and there is something above zero. */
function isLog(metric) {
  return metric.log && data.rows.some((row) => valueOf(row, metric.column) > 0);
}

function chartOptions(metric, place) {
  const axis = { stroke: () => themeColour("--muted"), font: "13px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: () => themeColour("--line"), width: 1 };
  return {
    width: place.clientWidth,
    height: place.clientHeight,
    legend: { show: false },
    cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { show: cursorPoint } },
    scales: { x: { time: false, range: xRange }, y: { distr: isLog(metric) ? 3 : 1, range: yRange(metric) } },
    axes: [
      { ...axis, grid: { ...grid, show: false }, size: 32, ...(state.along === "budget" ? { splits: alongValues } : {}) },
      { ...axis, grid, size: 50 },
    ],
    series: [{}, ...data.methods.flatMap((method) => methodSeries(method))],
    bands: data.methods.map((method, i) => ({
      series: [3 * i + 3, 3 * i + 2],
      fill: () => `${colour(method)}20`,
    })),
    hooks: { draw: [drawHere], setCursor: [followPointer] },
  };
}

function methodSeries(method) {
  const end = { show: !state.hidden.has(method), stroke: "transparent", width: 0, points: { show: false } };
  return [
    {
      label: method,
      show: !state.hidden.has(method),
      stroke: () => colour(method),
      width: 2,
      dash: dash(method),
      points: { show: true, fill: () => colour(method), stroke: () => colour(method), paths: markPaths(method) },
    },
    { ...end, label: `${method} low` },
    { ...end, label: `${method} high` },
  ];
}

function markPaths(method) {
  return (u, series, first, last) => {
    const all = new Path2D();
    const step = Math.ceil((last - first + 1) / MAX_MARKS);
    for (let i = first; i <= last; i += step) {
      const value = u.data[series][i];
      if (value === null || value === undefined) continue;
      const [x, y] = [u.valToPos(u.data[0][i], "x", true), u.valToPos(value, "y", true)];
      all.addPath(new Path2D(mark(method, x, y, 3.6 * uPlot.pxRatio)));
    }
    return { fill: all, stroke: null, flags: 3 };
  };
}

function cursorPoint(u, series) {
  return series % 3 === 1 && mark(data.methods[(series - 1) / 3], 0, 0, 1) ? element("div") : null;
}

function xRange(u, low, high) {
  const margin = (high - low || 1) * 0.025;
  return [low - margin, high + margin];
}

function yRange(metric) {
  if (metric.bounds) {
    const [low, high] = metric.bounds;
    return [low - 0.03 * (high - low), high + 0.03 * (high - low)];
  }
  return (u, low, high) => {
    if (low === null) return isLog(metric) ? [0.001, 1] : [0, 1];
    return isLog(metric) ? uPlot.rangeLog(low, high, 10, true) : uPlot.rangeNum(low, high, 0.1, false);
  };
}

/** A line where the slider stands. */
function drawHere(u) {
  const at = alongValues()[state.along === "snr" ? state.snr : state.budget];
  const x = Math.round(u.valToPos(at, "x", true));
  const { ctx, bbox } = u;
  ctx.save();
  ctx.strokeStyle = themeColour("--accent");
  ctx.lineWidth = 1.5 * uPlot.pxRatio;
  ctx.globalAlpha = 0.55;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function followPointer(u) {
  state.hover = u.cursor.left < 0 ? null : u.cursor.idx;
  readLegend();
}

/** A row for each method: a button that hides it, its value, and the interval. */
function buildLegend() {
  const items = data.methods.map((method) => {
    const button = element("button", { type: "button", "aria-pressed": "true" }, swatch(method), element("span", {}, method));
    button.addEventListener("click", () => toggleMethod(method));
    const [value, interval] = ["value", "interval"].map((className) => element("span", { className }));
    return element("li", { "data-method": method }, button, value, interval);
  });
  document.getElementById("legend").replaceChildren(...items);
}

let saying = 0;

/** Tell those who cannot see the chart what it reads, once it stays. */
function sayReading() {
  clearTimeout(saying);
  saying = setTimeout(() => {
    const said = [...document.querySelectorAll("#legend li:not(.off)")].map(
      (item) => `${item.dataset.method} ${item.querySelector(".value").textContent}`,
    );
    const at = document.getElementById("reading-at").textContent;
    document.getElementById("said").textContent = `${metricNow().label} at ${at}: ${said.join(", ")}`;
  }, 600);
}

/** Show the values where the pointer is or, without one, where the slider stands. */
function readLegend() {
  const metric = metricNow();
  const here = state.hover ?? (state.along === "snr" ? state.snr : state.budget);
  const at = state.along === "snr" ? snrText(here) : budgetText(data.budgets[here]);
  document.getElementById("reading-at").textContent = at;
  for (const item of document.querySelectorAll("#legend li")) {
    const method = item.dataset.method;
    const row = rowAlong(method, here);
    item.classList.toggle("off", state.hidden.has(method));
    item.querySelector("button").setAttribute("aria-pressed", String(!state.hidden.has(method)));
    item.querySelector(".value").textContent = format(metric, valueOf(row, metric.column));
    item.querySelector(".interval").textContent = interval(metric, row);
  }
  if (state.hover === null) sayReading();
}
