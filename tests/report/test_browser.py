"""The page in a real browser: silent console, no request, no horizontal overflow, readable in light and dark."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from tests.report.conftest import IDS, report

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
)  # fmt: skip

LOW_CONTRAST = """() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = channels(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
  };
  const wrong = [];
  for (const node of document.querySelectorAll("main *, header *")) {
    if (!(node instanceof HTMLElement)) continue;
    if (![...node.childNodes].some(child => child.nodeType === 3 && child.data.trim())) continue;
    const [a, b] = [light(channels(getComputedStyle(node).color)), light(ground(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) wrong.push(node.outerHTML.slice(0, 80));
  }
  return wrong;
}"""
"""WCAG 2.2, success criterion 1.4.3: 4.5 to 1 for text of this size."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    assert CHROMIUM.exists(), "no /usr/bin/chromium here: apt-get install chromium"
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield opened
        opened.close()


def visit(browser: Any, page: Path, width: int, scheme: str) -> dict[str, Any]:
    """Open the page, unfold everything, and return what there is to complain about."""
    tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    complaints: list[str] = []
    requests: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("request", lambda request: requests.append(request.url))
    tab.goto(page.as_uri())
    tab.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)")
    root = "document.documentElement"
    found = {
        "complaints": complaints,
        "requests": [url for url in requests if url not in (page.as_uri(), "data:,")],
        "overflow": tab.evaluate(f"{root}.scrollWidth - {root}.clientWidth"),
        "title": tab.title(),
        "low_contrast": tab.evaluate(LOW_CONTRAST),
    }
    tab.close()
    return found


CASES = [(IDS, width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]


@pytest.mark.parametrize(("ids", "width", "scheme"), [*CASES, (("corpus",), 390, "light")])
def test_page_in_chromium(
    browser: Any, run_folder: Path, ids: tuple[str, ...], width: int, scheme: str
) -> None:
    found = visit(browser, report(run_folder, ids, title="Run"), width, scheme)
    assert found == {"complaints": [], "requests": [], "overflow": 0, "title": "Run", "low_contrast": []}
