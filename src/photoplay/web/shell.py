"""What every page has around it: the head, the way to the other pages, and who is signed in. Pure."""

from html import escape
from typing import Final

from photoplay.web.assets import asset, imports_of

__all__ = ["NAVIGATION", "POLICY", "document", "headers_of", "root_of"]

# The pages that the header leads to: title, path, and whether they are for administrators alone.
NAVIGATION: Final = (
    ("Playground", "", False),
    ("History", "history", False),
    ("Models", "models", False),
    ("Account", "account", False),
    ("API", "docs", False),
    ("Admin", "admin", True),
)
# No style or script stands in a page, and all that it loads comes from here. A picture that a person has chosen is
# shown before it is sent.
POLICY: Final = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_MARK: Final = (
    '<svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">'
    '<rect x="1.5" y="3.5" width="21" height="17" rx="4"/><path d="M10 8.4v7.2l6-3.6z"/></svg>'
)


def root_of(path: str) -> str:
    """Return the way from a page back to the root, for a server that a proxy shows below a path of its own."""
    return "../" * (path.count("/") - 1)


def headers_of(policy: str = POLICY) -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }


def document(
    title: str, body: str, *, path: str, base_url: str, scripts: tuple[str, ...] = (), styles: tuple[str, ...] = ()
) -> str:
    """Return a page. `body` is markup and stands in its `main`; the title is text; `path` is where the page is."""
    root = root_of(path)
    links = "\n".join(f'<link rel="stylesheet" href="{root}{asset(name)}">' for name in ("static/shell.css", *styles))
    modules = ("playground/shell.js", *scripts)
    needed = dict.fromkeys(name for module in modules for name in imports_of(module))
    tags = "\n".join(
        [
            *(f'<link rel="modulepreload" href="{root}{asset(name)}">' for name in needed),
            *(f'<script type="module" src="{root}{asset(name)}"></script>' for name in modules),
        ]
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} - Photoplay</title>
<link rel="icon" href="{root}{asset("static/icon.svg")}" type="image/svg+xml">
{links}
{tags}
</head>
<body data-base-url="{escape(base_url)}">
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="{root or "./"}">{_MARK}Photoplay</a>
<nav class="ways" aria-label="Pages">
{_ways(path, root)}
</nav>
<div class="who" id="who"></div>
</header>
<main id="main">
{body}
</main>
</body>
</html>
"""


def _ways(path: str, root: str) -> str:
    here = path.strip("/").partition("/")[0]
    links: list[str] = []
    for title, way, is_for_admins in NAVIGATION:
        mark = " aria-current=page" if way == here else ""
        # Shown by a script, to whom it is for.
        mark += " data-for=admin hidden" if is_for_admins else ""
        links.append(f'<a href="{(root + way) or "./"}"{mark}>{escape(title)}</a>')
    return "\n".join(links)
