"""Received images side by side with the task's prediction under each, for print; the report's viewer shows the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from linksim.data.base import Sample
from linksim.engine.opened import Opened
from linksim.engine.replay import Delivery, deliver, found_boxes
from linksim.errors import LinksimError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 1.15
"""Inches of a picture's longer side: seven fit between the margins of a page."""
CAPTION = 0.36
"""Inches below each picture, for two lines of text."""
RIGHT, WRONG = "#00794F", "#C03A00"


def gallery(opened: Opened, snr_db: float, images: Sequence[int]) -> Figure:
    """What arrives of some images at one SNR: images down, the original and every method (at every budget) across.

    images: their numbers in the data set. Below each picture are the prediction, ticked where it is right, and the
    PSNR, or that nothing arrived. The noise is the comparison's own, first realisation.
    """
    from matplotlib.figure import Figure

    if not images:
        raise LinksimError("a gallery needs at least one image")
    budgets = opened.experiment.budgets
    columns = [("original", budgets[0])]
    columns += [(m, b) for b in budgets for m in opened.experiment.methods if m != "original"]
    height, width = opened.dataset[images[0]].image.shape[:2]
    scale = SIDE / max(height, width)
    size = (scale * width + 0.06) * len(columns), (scale * height + CAPTION) * len(images) + 0.3
    figure = Figure(figsize=size)
    grid = figure.subplots(len(images), len(columns), squeeze=False)
    for j, (method, budget) in enumerate(columns):
        several = len(budgets) > 1 and method != "original"
        grid[0, j].set_title(f"{method}\n{budget}" if several else method, fontsize=7)
        for i, (delivery,) in enumerate(deliver(opened, method, budget, images, (snr_db,))):
            _draw(grid[i, j], delivery, opened.dataset[images[i]], opened)
    return figure


def _draw(axes: Any, delivery: Delivery, sample: Sample, opened: Opened) -> None:
    from matplotlib.patches import Rectangle

    row = delivery.row
    axes.imshow(delivery.image)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for side in axes.spines.values():
        side.set_visible(False)
    right = row.get("correct")
    quality = f"{row['psnr']:.1f} dB" if math.isfinite(row["psnr"]) else "exact"
    lines = [] if row["method"] == "original" else [quality if row["ok"] else "outage"]
    if "prediction" in row:
        lines.insert(0, f"{'✓' if right else '✗'} {_name(opened, row['prediction'])}")
        if not lines[1:] and not row["agreement"]:
            lines.append(f"it is: {_name(opened, row['label'])}")
    if "detections" in row and sample.objects is not None:
        boxes, hits = found_boxes(row, sample.objects)
        for (x0, y0, x1, y1), hit in zip(boxes[:, :4], hits, strict=True):
            axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, color=RIGHT if hit else WRONG))
        right = hits.sum() == len(sample.objects.labels)
        lines.insert(0, f"{hits.sum()} of {len(sample.objects.labels)} found, {(~hits).sum()} false")
    colour = "#444444" if right is None else RIGHT if right else WRONG
    axes.set_xlabel("\n".join(lines), fontsize=6.5, color=colour, labelpad=2)


def _name(opened: Opened, index: int) -> str:
    classes = opened.dataset.classes or (opened.task.classes if opened.task else ())
    return str(classes[index]) if 0 <= index < len(classes) else "another class"
