// The summary, and the differences to a baseline, as tables that sort by any column.

const keys = [
  { label: "Method", value: (row) => row.method, text: (row) => row.method },
  ...(data.channels.length > 1 ? [{ label: "Channel", value: (row) => row.channel, text: (row) => row.channel }] : []),
  ...(data.budgets.length > 1
    ? [{ label: `Budget (${data.budgets[0].split("=")[0]})`, value: (row) => budgetValue(row.budget), text: (row) => row.budget.split("=")[1] }]
    : []),
  { label: "SNR (dB)", value: (row) => row.snr_db, text: (row) => String(row.snr_db) },
  { label: "n", value: (row) => row.n, text: (row) => String(row.n) },
];

/** A column of a metric, whose numbers are said by a function of metric and value. */
const measured = (metric, said) => ({
  label: metric.label,
  value: (row) => valueOf(row, metric.column),
  text: (row) => said(metric, valueOf(row, metric.column)),
  interval: (row) => interval(metric, row, said),
});

function buildTables() {
  buildGrids();
  sortable("table", data.rows, [...keys, ...data.metrics.map((metric) => measured(metric, format))]);
  if (!data.differences) return;
  document.getElementById("differences").hidden = false;
  document.getElementById("baseline").textContent = data.differences.baseline;
  const compared = data.metrics.filter((metric) => data.differences.rows.some((row) => metric.column in row));
  sortable("changes", data.differences.rows, [...keys, ...compared.map((metric) => measured(metric, signed))]);
}

/** The tables of curves against a baseline's, which hold texts. */
function buildGrids() {
  if (!data.curves) return;
  document.getElementById("pairs").hidden = false;
  const cell = (name, text) => element(name, name === "th" ? { scope: "col" } : {}, text);
  const made = data.curves.grids.map(({ title, columns, rows }) => {
    const head = element("thead", {}, element("tr", {}, ...columns.map((text) => cell("th", text))));
    const body = element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((text) => cell("td", text)))));
    const table = element("table", { className: "texts" }, element("caption", {}, title), head, body);
    return element("div", { className: "scroll panel", tabIndex: 0, role: "region", "aria-label": title }, table);
  });
  document.getElementById("grids").replaceChildren(...made);
  document.getElementById("grid-notes").replaceChildren(...data.curves.notes.map((note) => element("li", {}, note)));
}

/** Fill a table with rows, whose order a press on a column's name changes. */
function sortable(id, rows, columns) {
  const table = document.getElementById(id);
  const sorting = { column: -1, down: false };
  const heads = columns.map((column, i) => {
    const button = element("button", { type: "button" }, column.label);
    button.addEventListener("click", () => sortBy(i));
    return element("th", { scope: "col" }, button);
  });
  table.querySelector("thead tr").replaceChildren(...heads);
  showRows();

  /** Sort by a column; again: the other way round; a third time: as it was. */
  function sortBy(i) {
    if (sorting.column !== i) Object.assign(sorting, { column: i, down: false });
    else if (!sorting.down) sorting.down = true;
    else sorting.column = -1;
    heads.forEach((head, j) => {
      if (j === sorting.column) head.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    showRows();
  }

  /** The rows in order; what was not measured comes last. */
  function sorted() {
    if (sorting.column < 0) return rows;
    const { value } = columns[sorting.column];
    const sign = sorting.down ? -1 : 1;
    return [...rows].sort((a, b) => {
      const [p, q] = [value(a), value(b)];
      if (Number.isNaN(p) || Number.isNaN(q)) return Number.isNaN(p) - Number.isNaN(q);
      return p < q ? -sign : p > q ? sign : 0;
    });
  }

  function showRows() {
    const lines = sorted().map((row) => {
      const cells = columns.map((column) => {
        const range = column.interval?.(row);
        return element("td", {}, column.text(row), ...(range ? [element("small", {}, range)] : []));
      });
      return element("tr", { "data-snr": row.snr_db, "data-budget": row.budget, "data-channel": row.channel }, ...cells);
    });
    table.querySelector("tbody").replaceChildren(...lines);
    markRows();
  }
}

/** Tint the rows of the operating point. */
function markRows() {
  for (const line of document.querySelectorAll("table tbody tr")) {
    const { snr, budget, channel } = line.dataset;
    const at = Number(snr) === data.snr_db[state.snr] && budget === data.budgets[state.budget];
    line.classList.toggle("now", at && channel === data.channels[state.channel]);
  }
}
