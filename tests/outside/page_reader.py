"""A reader of a report page: what somebody in front of a browser can do and see."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Reader:
    """What a reader can do and see."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def look(self, width: int, dark: bool) -> None:
        """Through a window of this width (CSS pixels), in this colour scheme."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def open(self, page: Path) -> None:
        self.browser.get(page.as_uri())

    def run(self, script: str, *arguments: object) -> Any:
        return self.browser.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        return list(self.browser.find_elements("css selector", selector))

    def text(self, selector: str) -> str:
        return str(self.find(selector).text)

    def press(self, selector: str, *keys: str) -> None:
        """Keys while the element has the focus."""
        self.run("arguments[0].focus()", self.find(selector))
        self.browser.switch_to.active_element.send_keys(*keys)

    def click(self, selector: str) -> None:
        """The pointer's click on the middle of an element, wherever it has to be scrolled to."""
        self.run("arguments[0].scrollIntoView({block: 'center'})", self.find(selector))
        self.find(selector).click()

    def card(self, method: str) -> tuple[str, str, str]:
        """Of a method's card: the picture, the prediction and the PSNR."""
        place = f'.card[data-method="{method}"]'
        return (
            self.find(f"{place} img").get_attribute("src"),
            self.text(f"{place} .prediction"),
            self.text(f"{place} .psnr"),
        )

    def legend(self, method: str) -> tuple[str, str]:
        """A method's value and interval beside the chart."""
        place = f'#legend li[data-method="{method}"]'
        return self.text(f"{place} .value"), self.text(f"{place} .interval")

    def ink(self, method: str) -> int:
        """How many pixels of the chart have the colour of a method's curve, or nearly."""
        count = """await new Promise(requestAnimationFrame);
            const [r, g, b] = colour(arguments[0]).match(/\\w\\w/g).map((part) => parseInt(part, 16));
            const canvas = document.querySelector("#chart canvas");
            const { width, height } = canvas;
            const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
            copy.drawImage(canvas, 0, 0);
            const { data: ink } = copy.getImageData(0, 0, width, height);
            const near = (i) => Math.abs(ink[i] - r) + Math.abs(ink[i + 1] - g) + Math.abs(ink[i + 2] - b) < 40;
            let found = 0;
            for (let i = 0; i < ink.length; i += 4) found += ink[i + 3] > 200 && near(i);
            return found;"""
        return int(self.run(count, method))

    def column(self, name: str, table: str = "#table") -> list[str]:
        """The cells of a table's column of this heading, without intervals."""
        heads = [head.text for head in self.all(f"{table} th")]
        cells = "return [...document.querySelectorAll(arguments[0])].map((cell) => cell.firstChild.data)"
        return list(self.run(cells, f"{table} tbody td:nth-child({heads.index(name) + 1})"))
