// What the reader chooses, and what follows from it.

/** Change the state and show what depends on it. */
function choose(change) {
  Object.assign(state, change);
  const slider = document.getElementById("snr");
  slider.value = state.snr;
  slider.setAttribute("aria-valuetext", snrText(state.snr));
  document.getElementById("snr-now").textContent = snrText(state.snr);
  for (const input of document.querySelectorAll("input[type=radio]")) input.checked = input.value === String(state[input.name]);
  const moved = "snr" in change;
  const elsewhere = "budget" in change || "channel" in change;
  if ("metric" in change || "along" in change || elsewhere || (moved && state.along === "budget")) drawChart();
  else if (moved) chart.redraw(false);
  readLegend();
  if (moved || elsewhere) markRows();
  if (!viewer) return;
  if ("image" in change) buildCards();
  else if (moved || elsewhere) showPictures();
}

function toggleMethod(method) {
  const hide = !state.hidden.has(method);
  if (hide) state.hidden.add(method);
  else state.hidden.delete(method);
  const first = 3 * data.methods.indexOf(method) + 1;
  for (let i = first; i < first + 3; i++) chart.setSeries(i, { show: !hide });
  readLegend();
  if (viewer) buildCards();
}

/** Radio buttons for the values of a state's name; nothing if there is no choice. */
function buildChoice(name, options) {
  const place = document.getElementById(name);
  place.hidden = options.length < 2;
  for (const [value, text] of options) {
    const input = element("input", { type: "radio", name, value, checked: value === state[name] });
    input.addEventListener("change", () => choose({ [name]: value }));
    place.append(element("label", {}, input, element("span", { "data-text": text }, text)));
  }
}

function buildControls() {
  const kind = data.budgets[0].split("=")[0];
  buildChoice("metric", data.metrics.map((metric) => [metric.column, metric.label]));
  buildChoice("channel", data.channels.map((channel, i) => [i, channel]));
  buildChoice("budget", data.budgets.map((budget, i) => [i, budgetText(budget)]));
  const both = data.snr_db.length > 1 && data.budgets.length > 1;
  buildChoice("along", both ? [["snr", "over SNR"], ["budget", `over ${kind}`]] : []);
  const slider = document.getElementById("snr");
  slider.max = data.snr_db.length - 1;
  slider.disabled = data.snr_db.length < 2;
  slider.addEventListener("input", () => choose({ snr: Number(slider.value) }));
}

function buildFacts() {
  const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
  const outline = [count(data.methods.length, "method"), count(data.snr_db.length, "SNR"), count(data.images, "image")];
  document.getElementById("outline").textContent = outline.join(" · ");
  document.getElementById("facts").replaceChildren(...data.facts.map((fact) => element("li", {}, fact)));
  document.getElementById("command").textContent = data.command;
  document.getElementById("versions").textContent = Object.entries(data.versions).map((pair) => pair.join(" ")).join(" · ");
  document.getElementById("csv").href = URL.createObjectURL(new Blob([data.csv], { type: "text/csv" }));
}

function followPage() {
  const place = document.getElementById("chart");
  place.addEventListener("click", () => {
    if (state.hover !== null) choose({ [state.along]: state.hover });
  });
  new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height: place.clientHeight })).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => chart.redraw(false));
}

// Shown at once, in the same task that fills them, so that nothing shifts; the chart must know its width.
for (const part of document.querySelectorAll("#bar, main")) part.hidden = false;
buildControls();
buildFacts();
buildLegend();
buildTables();
if (viewer) buildViewer();
choose({ metric: state.metric, snr: state.snr });
followPage();
