"""The report of a planted study in a real browser: Chromium, headless, at three widths."""

import base64
import json
import re
import shutil
import subprocess

import pytest

from langscale.reporting.contents import figure_names

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: `make test-deps` installs it")
WIDTHS = (1366, 768, 390)

# Runs in the page after its own script. The result is written into the page, where --dump-dom shows it.
PROBE = """
<script>
const refused = [];
addEventListener("securitypolicyviolation", (event) => refused.push(event.blockedURI));
addEventListener("load", () => {
  const found = { sorts: [] };
  const size = (element) => { const r = element.getBoundingClientRect(); return [r.width, r.height]; };
  const bottom = (selector) => document.querySelector(selector).getBoundingClientRect().bottom;
  found.first = [bottom(".answer"), bottom("#figure-gain img")];
  found.fetched = performance.getEntriesByType("resource").map((entry) => entry.name.slice(0, 30));
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  found.images = [...document.images].map((image) => [image.alt, image.naturalWidth, ...size(image)]);
  found.tables = [...document.querySelectorAll("table")].map((table) =>
    [table.id, ...size(table), table.closest(".wide").clientWidth]);
  const scrolled = [...document.querySelectorAll(".wide")].filter((e) => e.scrollWidth > e.clientWidth + 1);
  found.sticky = scrolled.map((area) => {
    area.scrollLeft = 200;
    const cell = area.querySelector("tbody th").getBoundingClientRect();
    return [area.scrollLeft, cell.left - area.getBoundingClientRect().left];
  });
  scrolled.forEach((area) => { area.scrollLeft = 0; });
  found.ink = [getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor];
  found.letters = Math.min(...[...document.querySelectorAll("p, td, th, figcaption, caption, li, dd")].map(
    (e) => parseFloat(getComputedStyle(e).fontSize)));
  found.unnamed = [...document.querySelectorAll("button, img, .wide, .picture, nav, dialog")].filter(
    (e) => e.tagName != "DIALOG" && !(e.textContent.trim() || e.alt || e.ariaLabel)).length;
  for (const table of document.querySelectorAll("table")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const texts = () => [...table.tBodies[0].rows].map((row) => row.cells[column].textContent.trim());
      head.querySelector("button").click();
      const up = [head.ariaSort, texts()];
      head.querySelector("button").click();
      found.sorts.push([table.id, head.textContent, ...up, head.ariaSort, texts(),
        heads.filter((other) => other.hasAttribute("aria-sort")).length]);
    });
  }
  const dialog = document.querySelector("dialog"), enlarge = document.querySelector("figure button");
  enlarge.focus();
  enlarge.click();
  found.opened = [dialog.open, dialog.contains(document.activeElement), ...size(dialog.querySelector("img"))];
  dialog.close();
  found.closed = [dialog.open, document.activeElement === enlarge];
  found.width = [document.documentElement.scrollWidth, innerWidth];
  found.refused = refused;
  const pre = document.createElement("pre");
  pre.id = "probe";
  pre.textContent = "PROBE" + btoa(unescape(encodeURIComponent(JSON.stringify(found)))) + "END";
  document.body.append(pre);
  if (parent !== window) parent.postMessage(pre.textContent, "*");
});
</script>
"""
# The window of a browser is 500 pixels wide at least. A frame may be as narrow as a phone.
FRAME = """<!doctype html><body style="margin: 0"><script>
addEventListener("message", (event) => { document.body.append(event.data); });
</script><iframe src="probed.html" style="border: 0" width="{width}" height="900"></iframe>"""


def browse(folder, file, *more):
    """The page's tree after its scripts ran, and the log of the browser."""
    net = folder / "net.json"
    options = (
        "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --enable-logging=stderr"
    )
    options = [
        *options.split(),
        "--window-size=1400,950",
        "--virtual-time-budget=5000",
        f"--log-net-log={net}",
        *more,
    ]
    # the browser's own requests go nowhere
    options += [f"--user-data-dir={folder / 'home'}", "--host-resolver-rules=MAP * ~NOTFOUND"]
    command = [CHROMIUM, *options, "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    return done.stdout.decode(), done.stderr.decode(errors="replace")


def probe(folder, text, width=1366, *more):
    """(what the probe found, the log) of a page in a frame of this width."""
    (folder / "probed.html").write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME.replace("{width}", str(width)), encoding="utf-8")
    tree, log = browse(folder, frame, *more)
    found = re.search("PROBE([A-Za-z0-9+/=]+)END", tree)
    assert found, log[-2000:]
    return json.loads(base64.b64decode(found[1])), log


@pytest.fixture(scope="module")
def seen(story, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    return *probe(folder, story[2]), folder


@pytest.fixture(scope="module", params=WIDTHS)
def at_width(request, story, tmp_path_factory):
    """(width, what the probe found) at a laptop's, a tablet's and a phone's width."""
    return request.param, probe(tmp_path_factory.mktemp("width"), story[2], request.param)[0]


def test_the_console_is_silent_and_nothing_is_fetched(seen):
    found, log, folder = seen
    assert "CONSOLE" not in log
    assert found["refused"] == [] and all(name.startswith("data:") for name in found["fetched"])
    assert requests(folder) == set()  # the page itself is a file, without a request to a network


def requests(folder):
    """Requests of pages to a network; the browser's own requests have no origin."""
    found = set()
    for line in (folder / "net.json").read_text().splitlines():
        initiator, url = (re.search(f'"{key}":"([^"]*)"', line) for key in ("initiator", "url"))
        if initiator and initiator[1] != "not an origin" and url:
            found.add(url[1])
    return found


def test_a_page_with_errors_and_requests_would_be_found(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text('<img src="http://127.0.0.1:9/a.png"><script>nothing()</script>')
    _, log = browse(tmp_path, page)
    assert "CONSOLE" in log and "nothing is not defined" in log
    assert requests(tmp_path) == {"http://127.0.0.1:9/a.png"}


def test_every_figure_and_table_is_visible(at_width, story):
    width, found = at_width
    assert len(found["images"]) == len(figure_names(story[0].study)) == 13
    for alt, natural, shown, height in found["images"]:
        assert len(alt) > 20 and natural > 0 and height > 100, alt
        # letters of 7 points in a figure of 7 inches (504 points) have 8 pixels or more
        assert shown / 504 * 7 >= 8 and height < 2200, (alt, shown, height)
    names = {name.removeprefix("table-") for name, *_ in found["tables"]}
    settings = ("mono", "cross", "multi")
    expected = {"claims", "main", "contrasts", "gaps", "transfer", "languages", "bias", "sensitivity", "data"}
    assert names >= expected | {f"scaling-{setting}" for setting in settings}
    assert found["unnamed"] == 0 and found["letters"] >= 12
    assert found["width"][0] <= found["width"][1] == width  # the page never scrolls sideways, wide tables do


def test_tables_fit_a_laptop_and_keep_their_first_column_elsewhere(at_width):
    width, found = at_width
    if width == 1366:
        for name, wide, _, room in found["tables"]:
            assert wide <= room + 1, name
    if width == 390:
        assert len(found["sticky"]) > 5
    assert all(left < 2 for scrolled, left in found["sticky"] if scrolled)


def test_question_answer_and_figure_are_on_the_first_screen(seen):
    answer, figure = seen[0]["first"]
    assert answer < 450 and figure < 850


def test_a_dark_page_has_light_letters(story, tmp_path):
    dark = probe(tmp_path, story[2], 1366, "--blink-settings=preferredColorScheme=0")[0]["ink"]
    ink, paper = (sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in dark)
    assert ink > 200 and paper < 40


def test_print_has_every_section_and_no_buttons(story, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(story[2], encoding="utf-8")
    pdf = tmp_path / "page.pdf"
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-pdf-header-footer",
    ]
    command += [f"--user-data-dir={tmp_path / 'home'}", f"--print-to-pdf={pdf}", page.as_uri()]
    subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert pdf.read_bytes().startswith(b"%PDF") and 5 < pdf.read_bytes().count(b"/Type /Page\n") < 40


def test_every_column_sorts_both_ways(seen):
    sorts = seen[0]["sorts"]
    assert len(sorts) > 60
    checked = 0
    for table, column, up, rising, down, falling, marked in sorts:
        assert (up, down, marked) == ("ascending", "descending", 1), (table, column)
        assert sorted(rising) == sorted(falling)
        filled = [text for text in rising if text]
        assert rising == filled + [""] * (len(rising) - len(filled))  # empty cells stay last
        numbers = [re.match(r"[+-]?[\d,]*\.?\d+(e[+-]?\d+)?", text) for text in filled]
        if filled and all(numbers):
            values = [float(n[0].replace(",", "")) for n in numbers]
            backwards = [float(re.match(numbers[0].re, text)[0].replace(",", "")) for text in falling if text]
            if all(re.fullmatch(r"[+-]?[\d,.]+(e[+-]?\d+)?( \[.*\])?[†‡*]?%?", text) for text in filled):
                assert values == sorted(values) and backwards == sorted(values, reverse=True), (table, column)
                checked += len(set(values)) > 2
    assert checked > 10


def test_a_figure_is_enlarged_and_the_focus_comes_back(seen):
    opened, inside, width, height = seen[0]["opened"]
    assert opened and inside and width > 1000 and height > 300
    assert seen[0]["closed"] == [False, True]
