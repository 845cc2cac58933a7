"""Renders a page's template inside the frame that all pages share."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).parent
AUDIT_STYLE = HERE / "page.css"


def render_page(
    folder: Path,
    content: Mapping[str, Any],
    *,
    filters: Mapping[str, Callable[..., str]],
    style: Path = AUDIT_STYLE,
    script: Path | None = None,
) -> str:
    """Return the HTML of ``folder``'s page.html, which extends frame.html, with every text of ``content`` escaped.

    ``style`` is a style sheet and ``script`` the only script that the page's security policy lets run; both are ours.
    """
    environment = Environment(
        loader=FileSystemLoader([folder, HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    code = script.read_text() if script else ""
    return environment.get_template("page.html").render(
        **content,
        css=Markup(style.read_text()),  # ours, not data
        script=Markup(code),
        script_hash=base64.b64encode(hashlib.sha256(code.encode()).digest()).decode(),
    )
