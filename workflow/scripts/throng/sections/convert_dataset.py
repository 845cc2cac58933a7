"""Section ``convert_dataset``: square images with density labels, for training GANs."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from throng.sections.base import Section, setting


def power_of_two(resolution: int) -> int:
    """Return the resolution; raises ValueError when it is no power of two, which StyleGAN's networks need."""
    if resolution < 4 or resolution & (resolution - 1):
        raise ValueError(f"{resolution} is no power of two from 4 upwards, such as 64, 128, 256, 512 or 1024")
    return resolution


class ConvertDataset(Section):
    """Writes labelled images as squares in the layout that StyleGAN's data loaders read, cut as they were labelled."""

    tables: list[Literal["images", "synthetic"]] = setting(
        ["images", "synthetic"], "images: photographs; synthetic: what the makers made", min_length=1
    )
    splits: list[Literal["train", "val", "test"]] = setting(["train"], "splits that are taken", min_length=1)
    sources: list[str] | None = setting(None, "sources whose photographs are taken; null: all")
    makers: list[str] | None = setting(None, "makers whose images are taken; null: all")
    limit: int | None = setting(None, "most images that are taken, the first by id; null: all", ge=1)
    resolution: Annotated[int, AfterValidator(power_of_two)] = setting(128, "width and height, pixels, a power of two")
    resize: Literal["scaled", "lanczos"] = setting(
        "scaled",
        "lanczos: decode all and resize as Pillow does; scaled: let libjpeg decode a large JPEG smaller first, several "
        "times faster and 38 dB or more from that",
    )
    enlarge: bool = setting(False, "whether an image smaller than the square is enlarged; false: rejected")
    label: Literal["class", "one-hot", "score", "none"] = setting(
        "class", "what dataset.json says: the class's number, a vector with a 1 at the class, the score, or nothing"
    )
    labeller: str | None = setting(
        None, "method and mode of the labeller that says it, such as kde fixed; null: the one that label_density chose"
    )
    format: Literal["zip", "folder"] = setting("zip", "a stored zip, or a folder")
    png_compression: int = setting(
        0, "zlib's level: 0 is fastest to write and read, above 0 a third smaller", ge=0, le=9
    )
