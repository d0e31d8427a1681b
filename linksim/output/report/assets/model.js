// The page's data, what the reader has chosen, and how numbers are said.

const data = JSON.parse(document.getElementById("data").textContent);
const pictures = JSON.parse(document.getElementById("pictures").textContent);
const viewer = data.viewer;

const state = {
  metric: data.metrics[0].column,
  along: data.snr_db.length > 1 || data.budgets.length === 1 ? "snr" : "budget",
  snr: Math.floor((data.snr_db.length - 1) / 2), // a number of data.snr_db
  channel: 0, // a number of data.channels
  budget: 0, // a number of data.budgets
  image: 0, // a number of viewer.items
  hover: null, // where the pointer is on the chart: a number of the values along it
  hidden: new Set(),
};

const rows = new Map(data.rows.map((row) => [`${row.channel}|${row.method}|${row.budget}|${row.snr_db}`, row]));

/** The row of a method over the chosen channel at numbers of the SNR and the budget; undefined if it was not measured. */
function rowAt(method, snr, budget) {
  return rows.get(`${data.channels[state.channel]}|${method}|${data.budgets[budget]}|${data.snr_db[snr]}`);
}

/** A value of a row: NaN if it was not measured. */
function valueOf(row, column) {
  return row && row[column] !== undefined ? Number(row[column]) : NaN;
}

const metricNow = () => data.metrics.find((metric) => metric.column === state.metric);
const shownMethods = () => data.methods.filter((method) => !state.hidden.has(method));
/** The number of a budget such as "bpp=0.25" or "cbr=1/24". */
const budgetValue = (text) => text.split("=")[1].split("/").map(Number).reduce((value, below) => value / below);
const budgetText = (text) => `${text.split("=")[1]} ${text.split("=")[0]}`;
const snrText = (i) => `${data.snr_db[i]} dB`;

/** The values of the horizontal axis. */
const alongValues = () => (state.along === "snr" ? data.snr_db : data.budgets.map(budgetValue));
/** The row of a method at a number of the horizontal axis. */
const rowAlong = (method, i) => (state.along === "snr" ? rowAt(method, i, state.budget) : rowAt(method, state.snr, i));

function format(metric, value) {
  return Number.isNaN(value) ? "–" : value.toFixed(metric.digits);
}

/** A difference: the sign of what is above zero is said too. */
const signed = (metric, value) => `${value > 0 ? "+" : ""}${format(metric, value)}`;

/** The 95 % interval of a row's metric, "" if it has none, or none that its digits show. */
function interval(metric, row, said = format) {
  const [low, high] = ["_lo", "_hi"].map((end) => valueOf(row, metric.column + end));
  return Number.isNaN(low) || said(metric, low) === said(metric, high) ? "" : `${said(metric, low)} to ${said(metric, high)}`;
}

/** An element with properties (dashes: attributes) and children. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children);
  return made;
}

function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
