"""The page in a real browser: what a reader does, and what must follow."""

from __future__ import annotations

import importlib.util
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from foreign import Plasma
from page_reader import Reader
from reports import reported

from linksim.engine.opened import Opened, open_experiment
from linksim.link import Budget
from linksim.output import curve_tables
from linksim.output.tables import read_differences
from linksim.scoring.metrics import METRICS

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
MISSING = [
    name
    for name, there in (
        ("chromium", BROWSER),
        ("chromedriver", DRIVER),
        ("the Python package selenium", importlib.util.find_spec("selenium")),
    )
    if not there
]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(bool(MISSING), reason=f"this machine has no {' and no '.join(MISSING)}"),
]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --window-size=1200,900"
)
DIGITAL, ANALOG = "webp+capacity", "foreign:Analog"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium with a profile of its own."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for flag in [*FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def reader(browser: Any, page: Path) -> Iterator[Reader]:
    """Somebody who has opened the page; at the end nothing may have gone wrong in its console."""
    reader = Reader(browser)
    reader.look(width=1200, dark=False)
    reader.open(page)
    yield reader
    assert browser.get_log("browser") == []


def test_dragging_the_slider_takes_a_digital_link_over_its_cliff(reader: Reader) -> None:
    from selenium.webdriver import ActionChains

    slider = reader.find("#snr")
    assert slider.get_attribute("aria-valuetext") == "8 dB"
    before = reader.card(DIGITAL)
    width = slider.size["width"]
    middle = round(width * (2 / 5 - 1 / 2))  # the third of six points, from the slider's middle
    ActionChains(reader.browser).move_to_element_with_offset(slider, middle, 0).click_and_hold().move_by_offset(
        round(width / 5), 0
    ).release().perform()
    assert slider.get_attribute("aria-valuetext") == "12 dB"
    after = reader.card(DIGITAL)
    assert before[0] != after[0]
    assert (before[1], after[1]) == ("✗ cold", "✓ warm")
    assert reader.text("#snr-now") == "12 dB"


def test_the_slider_moves_with_keys_and_everything_follows(reader: Reader) -> None:
    from selenium.webdriver import Keys

    seen = []
    reader.press("#snr", Keys.HOME)
    for _ in range(6):
        lost = reader.run("return document.querySelector('.card[data-method=\"webp+capacity\"] .lost') !== null")
        seen.append((reader.text("#snr-now"), reader.card(DIGITAL)[1], lost, reader.card(ANALOG)[0]))
        reader.press("#snr", Keys.ARROW_RIGHT)
    assert [snr for snr, *_ in seen] == ["0 dB", "4 dB", "8 dB", "12 dB", "16 dB", "20 dB"]
    assert [prediction for _, prediction, *_ in seen] == ["✗ cold"] * 3 + ["✓ warm"] * 3
    assert [lost for _, _, lost, _ in seen] == [True] * 3 + [False] * 3
    assert len({picture for *_, picture in seen}) == 6
    assert reader.text("#reading-at") == "20 dB"
    assert {row.get_attribute("data-snr") for row in reader.all("#table tr.now")} == {"20"}
    strip = reader.all(f'.card[data-method="{DIGITAL}"] .strip i')
    assert [mark.get_attribute("class").split()[:1] for mark in strip] == [[]] * 3 + [["is-right"]] * 3


def test_another_image(reader: Reader) -> None:
    from selenium.webdriver import Keys

    before = reader.card("original")
    assert before[1:] == ("✓ warm", "it is: warm")
    reader.click("#thumbs label:nth-of-type(4)")
    after = reader.card("original")
    assert after[0] != before[0]
    assert after[2] == "it is: cold"
    reader.press("#thumbs label:nth-of-type(4) input", Keys.ARROW_LEFT)
    assert reader.find("#thumbs label:nth-of-type(3) input").is_selected()
    assert reader.card("original")[0] not in (before[0], after[0])


def test_hiding_a_method_removes_its_curve_and_its_card(reader: Reader) -> None:
    from selenium.webdriver import Keys

    button = f'#legend li[data-method="{ANALOG}"] button'
    drawn = reader.ink(ANALOG)
    assert drawn > 200
    reader.click(button)
    assert reader.find(button).get_attribute("aria-pressed") == "false"
    assert reader.ink(ANALOG) == 0
    assert reader.ink(DIGITAL) > 200
    assert not reader.all(f'.card[data-method="{ANALOG}"]')
    reader.press(button, Keys.SPACE)
    assert reader.find(button).get_attribute("aria-pressed") == "true"
    assert reader.ink(ANALOG) == drawn
    assert reader.all(f'.card[data-method="{ANALOG}"]')


def test_another_metric(reader: Reader) -> None:
    from selenium.webdriver import Keys

    assert reader.text("#y-title") == "ACC"
    assert reader.legend(DIGITAL) == ("0.500", "0.167 to 0.833")  # three of six images, each sent twice
    reader.click("#metric label:nth-of-type(4)")
    assert reader.text("#y-title") == "PSNR (dB)"
    assert reader.run("return chart.scales.y.max") > 20
    value, interval = reader.legend(DIGITAL)
    low, high = map(float, interval.split(" to "))
    assert low < float(value) < high
    reader.press("#metric label:nth-of-type(4) input", Keys.ARROW_RIGHT)
    assert reader.text("#y-title") == "SSIM"


def test_hovering_reads_the_chart_elsewhere_and_a_click_stays_there(reader: Reader) -> None:
    from selenium.webdriver import ActionChains

    over = reader.find("#chart .u-over")
    assert reader.text("#reading-at") == "8 dB"
    right = over.size["width"] // 2 - 12
    ActionChains(reader.browser).move_to_element_with_offset(over, right, 0).perform()
    assert reader.text("#reading-at") == "20 dB"
    assert reader.legend(DIGITAL)[0] == "1.000"
    assert reader.text("#snr-now") == "8 dB"
    ActionChains(reader.browser).click().perform()
    assert reader.text("#snr-now") == "20 dB"
    ActionChains(reader.browser).move_to_element(reader.find("h1")).perform()
    assert reader.text("#reading-at") == "20 dB"


def test_budgets_and_curves_over_them(reader: Reader) -> None:
    before = reader.card(DIGITAL)
    reader.press("#snr", "\ue010")  # End
    half = reader.card(DIGITAL)
    reader.click("#budget label:nth-of-type(2)")
    whole = reader.card(DIGITAL)
    assert len({before[0], half[0], whole[0]}) == 3
    assert float(whole[2].split()[1]) > float(half[2].split()[1])
    reader.click("#along label:nth-of-type(2)")
    assert reader.text("#x-title") == "bits per pixel, at 20 dB"
    assert reader.run("return chart.data[0]") == [0.5, 1]
    assert reader.text("#reading-at") == "1 bpp"


def test_the_table_sorts_by_any_column(reader: Reader) -> None:
    from selenium.webdriver import Keys

    heads = [head.text for head in reader.all("#table th")]
    assert heads[:5] == ["Method", "Budget (bpp)", "SNR (dB)", "n", "ACC"]
    given = reader.column("PSNR (dB)")
    place = f"#table th:nth-child({heads.index('PSNR (dB)') + 1})"
    reader.click(f"{place} button")
    assert reader.find(place).get_attribute("aria-sort") == "ascending"
    rising = reader.column("PSNR (dB)")
    assert list(map(float, rising)) == sorted(map(float, given))
    assert rising != given
    reader.press(f"{place} button", Keys.ENTER)
    assert reader.find(place).get_attribute("aria-sort") == "descending"
    assert reader.column("PSNR (dB)")[0] == rising[-1]
    reader.click(f"{place} button")
    assert reader.column("PSNR (dB)") == given
    reader.click("#table th:first-child button")
    assert reader.column("Method") == [ANALOG] * 12 + [DIGITAL] * 12


def test_curves_have_their_tables_and_notes(reader: Reader, folder: Path) -> None:
    curves = curve_tables.read(folder, METRICS)
    assert curves is not None
    assert reader.text("#pairs-title") == "Curves in one number"
    shown = [
        [[cell.text for cell in row.find_elements("css selector", "td")] for row in rows]
        for rows in (table.find_elements("css selector", "tbody tr") for table in reader.all("#grids table"))
    ]
    assert shown == [[[first, *cells] for first, _, cells in grid.rows] for grid in curve_tables.grids(curves)]
    assert [note.text for note in reader.all("#grid-notes li")] == curve_tables.notes(curves)


def test_differences_to_the_baseline_have_their_sign_and_interval(reader: Reader, folder: Path) -> None:
    change = read_differences(folder)
    assert change is not None
    assert reader.text("#differences-title") == f"Differences to {ANALOG}"
    assert set(reader.column("Method", "#changes")) == {DIGITAL}
    said = reader.column("PSNR (dB)", "#changes")
    assert said == [f"{value:+.2f}" for value in change["psnr"]]
    assert reader.column("Outage", "#changes")[0].startswith("+")
    ends = change.loc[0, ["psnr_lo", "psnr_hi"]]
    assert f"{ends.iloc[0]:+.2f} to {ends.iloc[1]:+.2f}" in reader.text("#changes tbody tr")
    assert len(reader.all("#changes tr.now")) == 1


def test_the_table_downloads_as_csv(reader: Reader, folder: Path, tmp_path: Path) -> None:
    behaviour = {"behavior": "allow", "downloadPath": str(tmp_path)}
    reader.browser.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    reader.click("#csv")
    saved = tmp_path / "summary.csv"
    for _ in range(100):
        if saved.exists():
            break
        time.sleep(0.1)
    assert saved.read_bytes() == (folder / "summary.csv").read_bytes()


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_no_width_makes_the_page_scroll_sideways(reader: Reader, page: Path, width: int) -> None:
    reader.look(width=width, dark=False)
    reader.open(page)
    assert reader.run("return document.documentElement.scrollWidth") <= width
    assert reader.run("return innerWidth") == width
    widest = reader.run(
        "return Math.max(...[...document.querySelectorAll('.card, #chart canvas, #legend')]"
        ".map((place) => place.getBoundingClientRect().right))"
    )
    assert widest <= width


def test_the_dark_scheme_reaches_the_curves_at_once(reader: Reader) -> None:
    def ground() -> str:
        return str(reader.run("return getComputedStyle(document.querySelector('.panel')).backgroundColor"))

    light = reader.run("return colour(arguments[0])", DIGITAL)
    assert ground() == "rgb(255, 255, 255)"
    reader.look(width=1200, dark=True)
    assert ground() == "rgb(25, 29, 35)"
    assert reader.run("return colour(arguments[0])", DIGITAL) != light
    assert reader.ink(DIGITAL) > 200


def test_nothing_shifts(reader: Reader, page: Path) -> None:
    from selenium.webdriver import Keys

    shift = """const [done] = arguments; let sum = 0;
        new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
            .observe({ type: "layout-shift", buffered: true });
        setTimeout(() => done(sum), 300);"""
    assert reader.browser.execute_async_script(shift) < 0.01
    places = "return [...document.querySelectorAll('section, .card')].map((e) => e.getBoundingClientRect().toJSON())"
    reader.press("#snr", Keys.HOME)
    before = reader.run(places)
    for _ in range(5):
        reader.press("#snr", Keys.ARROW_RIGHT)
        assert reader.run(places) == before


def test_every_control_and_picture_has_a_name(reader: Reader) -> None:
    tree = reader.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    wanted = {"button", "slider", "radio", "link", "image", "table", "region", "radiogroup", "group", "heading", "list"}
    named: dict[str, list[str]] = {}
    for node in tree:
        role = node.get("role", {}).get("value")
        if not node["ignored"] and role in wanted - {"list"}:
            named.setdefault(role, []).append(node.get("name", {}).get("value", ""))
    assert {"button", "slider", "radio", "link", "image", "region", "heading"} <= set(named)
    assert {role: names for role, names in named.items() if not all(names)} == {}
    assert named["slider"] == ["SNR"]
    assert f"plasma0 as {DIGITAL} delivers it at 8 dB: an outage" in named["image"]


def test_everything_is_reached_with_the_tab_key(reader: Reader) -> None:
    from selenium.webdriver import Keys

    reached: list[str] = []
    while len(reached) < 30 and "SNR (dB)" not in reached:
        reader.browser.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(reader.run("const e = document.activeElement; return e.id || e.name || e.textContent"))
    for control in ("snr", "budget", "along", "metric", ANALOG, "image", "csv", "SNR (dB)"):
        assert control in reached


def test_the_page_loads_nothing_and_opens_within_two_seconds(reader: Reader, page: Path) -> None:
    reader.browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    reader.open(page)
    metrics = reader.browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    busy = {metric["name"]: metric["value"] for metric in metrics}["TaskDuration"]
    reader.browser.execute_cdp_cmd("Performance.disable", {})
    assert busy < 2  # seconds of the processor, whatever else the machine does
    names = reader.run("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert not [name for name in names if not name.startswith(("data:", "blob:"))]


def test_one_snr_alone(reader: Reader, finish: Callable[..., Path], tmp_path: Path) -> None:
    single = open_experiment(("original", ANALOG), Plasma(2), (10.0,), (Budget("bpp", 1),), task="")
    reader.open(reported(finish(single, tmp_path), single, images=2))
    assert not reader.find("#snr").is_enabled()
    assert not reader.find("#budget").is_displayed()
    assert reader.text("#y-title") == "PSNR (dB)"
    assert reader.legend("original") == ("58.92", "")
    assert reader.card(ANALOG)[1] == "delivered"


def test_strange_names_are_shown_and_do_nothing(reader: Reader, finish: Callable[..., Path], tmp_path: Path) -> None:
    from foreign import Analog

    link = Analog()
    link.name = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">"
    tricky = open_experiment((link,), Plasma(2), (0.0, 10.0), (Budget("bpp", 1),), task="")
    reader.open(reported(finish(tricky, tmp_path), tricky, images=1, title=link.name))
    assert reader.browser.title == f"{link.name} · linksim"
    assert reader.text("h1") == link.name
    assert reader.text("#legend button") == link.name


def test_channels_are_chosen_like_budgets(browser: Any, finish: Callable[[Opened, Path], Path], tmp_path: Path) -> None:
    opened = open_experiment(
        methods=(ANALOG,),
        dataset="foreign:Plasma",
        channel=("awgn", "rayleigh-block"),
        snr_db=(0.0, 20.0),
        task="none",
    )
    reader = Reader(browser)
    reader.open(reported(finish(opened, tmp_path), opened, images=1))
    before = reader.card(ANALOG), reader.run("return chart.data[1]")
    reader.click("#channel label:nth-of-type(2)")
    after = reader.card(ANALOG), reader.run("return chart.data[1]")
    assert before[0] != after[0]
    assert before[1] != after[1]
