// What arrives: the chosen image as each method delivers it at the slider's SNR, with the task's prediction.

const source = (number) => `data:image/webp;base64,${pictures[number]}`;
const cellsOf = (method) => viewer.shown[data.channels[state.channel]][data.budgets[state.budget]][method][state.image];
const SMALL = 256; // pixels: a wider picture gets a wider card
const predicted = () => viewer.kind !== "";

function buildViewer() {
  document.getElementById("viewer").hidden = false;
  document.getElementById("viewer").classList.toggle("pixelated", viewer.pixelated);
  buildThumbs();
  buildKey();
  document.getElementById("notes").replaceChildren(...data.notes.map((note) => element("li", {}, note)));
  buildCards();
}

function buildThumbs() {
  const labels = viewer.items.map((item, i) => {
    const input = element("input", { type: "radio", name: "image", value: i, checked: i === state.image });
    input.setAttribute("aria-label", `Image ${item.key}`);
    input.addEventListener("change", () => choose({ image: i }));
    return element("label", { title: item.key }, input, element("img", { src: source(item.picture), alt: "", width: 60, height: 60 }));
  });
  document.getElementById("thumbs").append(...labels);
}

function buildKey() {
  const entries = {
    classification: [["is-right", "right"], ["is-wrong", "wrong"], ["", "outage"]],
    detection: [["is-right", "all found"], ["is-partly", "some"], ["is-wrong", "none"], ["", "outage"]],
    "": [["is-level", "stronger: higher PSNR"], ["", "outage"]],
  }[viewer.kind];
  const key = entries.map(([className, text]) => element("span", {}, element("i", { className }), text));
  document.getElementById("key").replaceChildren(...key);
}

/** The original's card and one for each method that is not hidden. */
function buildCards() {
  const place = document.getElementById("cards");
  const item = viewer.items[state.image];
  const methods = shownMethods().filter((method) => method !== "original");
  const original = card("original", "Original", item);
  original.querySelector(".strip").remove();
  fill(original, item, item);
  // Six small cards or four large ones fit into the widest row; of more, a row holds five or three.
  const [small, large] = [methods.length < 6 ? 165 : 190, methods.length < 4 ? 250 : 330];
  place.style.setProperty("--card", `${item.width <= SMALL ? small : large}px`);
  place.replaceChildren(original, ...methods.map((method) => card(method, method, item)));
  showPictures();
}

function card(method, name, item) {
  const img = element("img", { width: item.width, height: item.height, decoding: "sync" });
  const title = element("h3", {}, ...(method === "original" ? [] : [swatch(method)]), element("span", {}, name));
  const strip = element("div", { className: "strip", "aria-hidden": "true" });
  strip.append(...data.snr_db.map((snr, i) => element("i", { title: `${snr} dB`, onclick: () => choose({ snr: i }) })));
  const lines = ["prediction", "psnr"].map((className) => element("div", { className }));
  const text = element("div", { className: "text" }, title, ...lines, strip);
  const picture = element("span", { className: "picture" }, img);
  return element("article", { className: "card panel", "data-method": method, "aria-label": name }, picture, text);
}

/** Put on every card what its method delivers at the chosen SNR. */
function showPictures() {
  const item = viewer.items[state.image];
  for (const place of document.querySelectorAll("#cards .card")) {
    if (place.dataset.method === "original") continue;
    const cells = cellsOf(place.dataset.method);
    fill(place, cells[state.snr], item);
    [...place.querySelector(".strip").children].forEach((mark, i) => {
      mark.className = `${standing(cells[i], item)}${i === state.snr ? " now" : ""}`;
      mark.style.opacity = predicted() || !cells[i].ok ? 1 : level(cells[i].psnr);
    });
  }
}

function fill(place, cell, item) {
  const img = place.querySelector("img");
  if (img.dataset.picture !== String(cell.picture)) img.src = source(cell.picture);
  img.dataset.picture = cell.picture;
  const original = place.dataset.method === "original";
  img.alt = original ? `${item.key} before it is sent` : `${item.key} as ${place.dataset.method} delivers it at ${snrText(state.snr)}${cell.ok ? "" : ": an outage"}`;
  place.querySelector(".psnr").textContent = original ? truthText(item) : cell.psnr === null ? "exact" : `PSNR ${cell.psnr.toFixed(2)} dB`;
  place.querySelector(".prediction").replaceChildren(predictionText(cell, item));
  place.querySelector(".picture").classList.toggle("lost", !cell.ok);
  drawBoxes(place.querySelector(".picture"), cell, original ? item.truth : null, item);
}

const className = (i) => viewer.classes[i] ?? (i < 0 ? "another class" : `class ${i}`);

function truthText(item) {
  if (viewer.kind === "classification") return item.label === null ? item.key : `it is: ${className(item.label)}`;
  return item.key;
}

/** The task's prediction in words and in colour. */
function predictionText(cell, item) {
  if (cell.boxes) {
    const hits = cell.boxes.filter((box) => box[6]).length;
    const wrong = cell.boxes.length - hits;
    const text = `${hits} of ${item.truth.length} found${wrong ? `, ${wrong} false` : ""}`;
    return element("span", { className: hits === item.truth.length && !wrong ? "right" : hits ? "" : "wrong" }, text);
  }
  if (cell.prediction === undefined) return element("span", { className: "muted" }, cell === item ? "as sent" : cell.ok ? "delivered" : "outage");
  const [sign, said] = cell.correct ? ["✓", "right: "] : ["✗", "wrong: "];
  const mark = element("span", { role: "img", "aria-label": said }, sign);
  return element("span", { className: cell.correct ? "right" : "wrong" }, mark, ` ${className(cell.prediction)}`);
}

/** The class of a cell of the strip. */
function standing(cell, item) {
  if (!cell.ok) return "";
  if (!predicted()) return "is-level";
  if (!cell.boxes) return cell.correct ? "is-right" : "is-wrong";
  const hits = cell.boxes.filter((box) => box[6]).length;
  return hits >= item.truth.length ? "is-right" : hits ? "is-partly" : "is-wrong";
}

/** How strong the colour of a PSNR (dB, null if exact) is: 15 dB and below is pale, 35 dB and above full. */
const level = (psnr) => (psnr === null ? 1 : Math.min(1, Math.max(0.15, (psnr - 15) / 20)));

function drawBoxes(place, cell, truth, item) {
  place.querySelector("svg")?.remove();
  const boxes = [
    ...(truth ?? []).map((box) => ({ box, look: "truth", label: className(box[4]) })),
    ...(truth ? [] : cell.boxes ?? []).map((box) => ({ box, look: box[6] ? "hit" : "miss", label: `${className(box[5])} ${box[4].toFixed(2)}` })),
  ];
  if (!boxes.length) return;
  const { width, height } = item;
  const size = Math.max(width, height) / 20;
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  for (const { box: [x0, y0, x1, y1], look, label } of boxes) {
    const place = { x: x0 * width, y: y0 * height, width: (x1 - x0) * width, height: (y1 - y0) * height };
    const text = { class: "box-label", x: place.x + size / 4, y: place.y + size, "font-size": size, "stroke-width": size / 5 };
    drawing.append(svg("rect", { class: `box ${look}`, ...place }), svg("text", text, label));
  }
  place.append(drawing);
}
