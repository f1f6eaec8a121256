"""What axe-core finds wrong for who cannot see a page or use a mouse."""

from importlib import resources
from typing import Any

from playwright.async_api import Page

AXE = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


async def serious_issues(page: Page) -> list[str]:
    """Return each serious issue with the elements that have it."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    found: Any = await page.evaluate("axe.run()")
    return [
        f"{issue['id']}: {[node['html'][:120] for node in issue['nodes']]}"
        for issue in found["violations"]
        if issue["impact"] in {"serious", "critical"}
    ]
