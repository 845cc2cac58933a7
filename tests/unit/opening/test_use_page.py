"""What the page docs/use.md shows is run as it stands, on a release in miniature."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "use.md"


def blocks() -> list[str]:
    """Return the Python of the page's section on throng.open, in order."""
    section = PAGE.read_text().partition("## With throng")[2]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def test_page_opens_a_release_and_trains_on_it(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {
        "results/release/throng-demo": str(release),
        "crop=(256, 256), steps=1000": "crop=(32, 32), steps=2, val_every=2, log_every=1, warmup_steps=1, batch_size=2",
        "Ranker()": 'Ranker(kinds=["real-edited", "edited-edited", "sham-equal"], size=(24, 32), steps=2, val_every=2, '
        "log_every=1, warmup_steps=1, batch_pairs=2)",
    }
    code = "\n".join(blocks())
    for shown, run in small.items():
        assert shown in code
        code = code.replace(shown, run)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    assert names["recipe"]["training_pairs"] > 0  # pyright: ignore[reportIndexIssue]
    assert sum(parameter.numel() for parameter in names["counter"].parameters()) > 0  # pyright: ignore[reportAttributeAccessIssue]
