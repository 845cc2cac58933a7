"""Files that run code when they are loaded are loaded only where their user has said so, by what is in them."""

from pathlib import Path

from throng.errors import ThrongError
from throng.files import sha256_file


def check_trusted(path: Path, trusted: str | None, key: str) -> None:
    """Raise ThrongError unless ``trusted`` is the sha256 of a file whose loading runs what its maker put into it."""
    found = sha256_file(path)
    if trusted == found:
        return
    why = "nobody has said that it is trusted" if trusted is None else f"{key} is the sha256 of another file"
    raise ThrongError(
        f"{path} is a pickle, which runs the code that its maker put into it as it is loaded, and {why}: if you "
        f"trust where it comes from, set {key} to {found}; else take an .onnx, which runs none"
    )
