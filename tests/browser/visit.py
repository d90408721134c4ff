"""What the browser tests share: a logged-in page, and all complaints of the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
PHONE, TABLET, DESK = (390, 844), (768, 1024), (1280, 900)


class Visit:
    """A browser context with one page. `complaints`: console errors, exceptions, CSP."""

    def __init__(
        self,
        browser: Any,
        url: str,
        size: tuple[int, int] = DESK,
        scheme: str = "light",
        *,
        scripts: bool = True,
    ) -> None:
        self.url = url
        self.complaints: list[str] = []
        self.context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
            java_script_enabled=scripts,
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def log_in(self, token: str, then: str = "/") -> Visit:
        """Through the login page, as a person does."""
        self.page.goto(f"{self.url}/login?next={then}")
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(f"{self.url}{then}")
        return self

    def go(self, path: str) -> None:
        """Open a page of ours."""
        self.page.goto(f"{self.url}{path}")

    def resize(self, size: tuple[int, int]) -> None:
        """Another window size, once the page has settled in it."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => done()))")

    def overflow(self) -> int:
        """Pixels that stand out to the right of the window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(script))

    def axe(self) -> list[str]:
        """What axe finds wrong: rule and place."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def _console(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)
