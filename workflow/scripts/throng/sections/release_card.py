"""What the card and the Croissant file say that no run can know."""

from throng.sections.base import Section, setting


class Card(Section):
    """Who releases the dataset, when, and what for."""

    creators: list[str] = setting(
        ["the makers of this release"], "names of the people or bodies who release it", min_length=1
    )
    date: str = setting("2026-01-01", "day of publication, YYYY-MM-DD", pattern=r"^\d{4}-\d{2}-\d{2}$")
    url: str = setting("https://example.org/throng", "where the release is found")
