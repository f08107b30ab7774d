"""The report in a real browser: Debian's Chromium, headless, on a page made from a planted study."""

import base64
import json
import re
import shutil
import subprocess

import pytest

from langscale.reporting.contents import figure_names

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: `make test-deps` installs it")

# Runs in the page after its own script; what it finds is written where --dump-dom shows it.
PROBE = """
<script>
const refused = [];
addEventListener("securitypolicyviolation", (event) => refused.push(event.blockedURI));
addEventListener("load", () => {
  const found = { sorts: [] }, size = (element) => { const r = element.getBoundingClientRect(); return [r.width, r.height]; };
  found.fetched = performance.getEntriesByType("resource").map((entry) => entry.name.slice(0, 30));
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  found.images = [...document.images].map((image) => [image.alt, image.naturalWidth, ...size(image)]);
  found.tables = [...document.querySelectorAll("table")].map((table) => [table.id, ...size(table)]);
  found.unnamed = [...document.querySelectorAll("button, img, .wide, nav, dialog")].filter(
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
});
</script>
"""


def browse(folder, file):
    """The page's tree after its scripts ran, and what the browser logged."""
    net = folder / "net.json"
    options = (
        "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --enable-logging=stderr"
    )
    options = [
        *options.split(),
        "--window-size=1200,900",
        "--virtual-time-budget=5000",
        f"--log-net-log={net}",
    ]
    # the browser's own errands go nowhere
    options += [f"--user-data-dir={folder / 'home'}", "--host-resolver-rules=MAP * ~NOTFOUND"]
    command = [CHROMIUM, *options, "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    return done.stdout.decode(), done.stderr.decode(errors="replace")


@pytest.fixture(scope="module")
def seen(story, tmp_path_factory):
    folder, text = tmp_path_factory.mktemp("browser"), story[2]
    probed = folder / "probed.html"
    probed.write_text(text.replace("</body>", PROBE + "</body>"), encoding="utf-8")
    tree, log = browse(folder, probed)
    found = re.search("PROBE([A-Za-z0-9+/=]+)END", tree)
    assert found, log[-2000:]
    return json.loads(base64.b64decode(found[1])), log, folder


def test_the_console_is_silent_and_nothing_is_fetched(seen):
    found, log, folder = seen
    assert "CONSOLE" not in log
    assert found["refused"] == [] and all(name.startswith("data:") for name in found["fetched"])
    assert requests(folder) == set()  # the page itself is a file, and no request to a network


def requests(folder):
    """What pages asked a network for; what the browser asks for itself has no origin."""
    found = set()
    for line in (folder / "net.json").read_text().splitlines():
        initiator, url = (re.search(f'"{key}":"([^"]*)"', line) for key in ("initiator", "url"))
        if initiator and initiator[1] != "not an origin" and url:
            found.add(url[1])
    return found


def test_a_page_that_errs_and_fetches_would_be_found(tmp_path):
    page = tmp_path / "bad.html"
    page.write_text('<img src="http://127.0.0.1:9/a.png"><script>nothing()</script>')
    _, log = browse(tmp_path, page)
    assert "CONSOLE" in log and "nothing is not defined" in log
    assert requests(tmp_path) == {"http://127.0.0.1:9/a.png"}


def test_every_figure_and_table_can_be_seen(seen, story):
    found = seen[0]
    assert len(found["images"]) == len(figure_names(story[0].study)) == 11
    for alt, natural, width, height in found["images"]:
        assert len(alt) > 20 and natural > 0 and width > 300 and height > 100, alt
    ids = [name.removeprefix("table-") for name, *_ in found["tables"]]
    assert set(ids) == {"claims", "trends", "curves", "main", "contrasts", "gaps", "transfer", "languages", "entry",
                        "diversity", "components", "bias", "sensitivity", "published", "scaling", "data"}  # fmt: skip
    assert all(width > 50 and height > 30 for _, width, height in found["tables"])
    assert found["unnamed"] == 0
    assert found["width"][0] <= found["width"][1]  # wide tables scroll in themselves, never the page


def test_every_column_sorts_both_ways(seen):
    sorts = seen[0]["sorts"]
    assert len(sorts) > 60
    told = 0
    for table, column, up, rising, down, falling, marked in sorts:
        assert (up, down, marked) == ("ascending", "descending", 1), (table, column)
        assert sorted(rising) == sorted(falling)
        filled = [text for text in rising if text]
        assert rising == filled + [""] * (len(rising) - len(filled))  # empty cells stay last
        numbers = [re.match(r"[+-]?[\d,]*\.?\d+(e[+-]?\d+)?", text) for text in filled]
        if filled and all(numbers):
            values = [float(n[0].replace(",", "")) for n in numbers]
            backwards = [float(re.match(numbers[0].re, text)[0].replace(",", "")) for text in falling if text]
            if all(re.fullmatch(r"[+-]?[\d,.]+(e[+-]?\d+)?( \[.*\])?[†‡]?%?", text) for text in filled):
                assert values == sorted(values) and backwards == sorted(values, reverse=True), (table, column)
                told += len(set(values)) > 2
    assert told > 10


def test_a_figure_is_enlarged_and_the_focus_comes_back(seen):
    opened, inside, width, height = seen[0]["opened"]
    assert opened and inside and width > 1000 and height > 300
    assert seen[0]["closed"] == [False, True]
