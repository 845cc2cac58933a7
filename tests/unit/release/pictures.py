"""Image files that tell more than they show, written by Pillow in every format that is released."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin

PACKET = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    b"<rdf:Description rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/' dc:creator='Ann Onymous'/>"
    b"</rdf:RDF></x:xmpmeta>"
)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def pillow_image(width: int = 37, height: int = 22) -> Image.Image:
    """Return a colour image without symmetry, of odd width."""
    rng = np.random.default_rng(5)
    coarse = Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def exif(orientation: int | None = None) -> Image.Exif:
    """Return what a camera writes: its name, where it was, and which way up it was held."""
    block = Image.Exif()
    block[0x010F] = "camera of Ann Onymous"
    block[0x8825] = {1: "N", 2: (48.0, 51.0, 30.0)}
    if orientation is not None:
        block[0x0112] = orientation
    return block


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return an image file of a format that Pillow writes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    """Return what Pillow reads, pixels included."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def telling_files() -> Iterator[tuple[str, bytes, set[str]]]:
    """Yield name, bytes, and all that the file tells besides its picture."""
    image, turned = pillow_image(), {"exif": exif(6), "icc_profile": PROFILE}
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Ann Onymous")
    text.add_itxt("Comment", "at home", zip=True)
    everything = {"comment": b"at home", "xmp": PACKET, **turned}
    yield "jpeg", saved(image, "JPEG", **everything), {"EXIF", "comment", "XMP"}
    yield "progressive jpeg", saved(image, "JPEG", progressive=True, subsampling=2, **turned), {"EXIF"}
    yield "jpeg with restarts", saved(image, "JPEG", restart_marker_blocks=1, exif=exif(3)), {"EXIF"}
    yield "grey jpeg", saved(image.convert("L"), "JPEG", exif=exif(8)), {"EXIF"}
    yield "cmyk jpeg", saved(image.convert("CMYK"), "JPEG", exif=exif()), {"EXIF"}
    yield (
        "mpo",
        saved(image, "MPO", save_all=True, append_images=[image.rotate(180)], exif=exif()),
        {
            "EXIF",
            "further pictures",
            "data behind the picture",
        },
    )
    yield "png", saved(image, "PNG", pnginfo=text, **turned), {"EXIF", "comment"}
    yield "indexed png", saved(image.convert("P"), "PNG", exif=exif(2), transparency=3), {"EXIF"}
    yield "webp", saved(image, "WEBP", xmp=PACKET, **turned), {"EXIF", "XMP"}
    yield "lossless webp", saved(image, "WEBP", lossless=True, exif=exif(5)), {"EXIF"}
    yield "webp with alpha", saved(translucent(image), "WEBP", exif=exif()), {"EXIF"}
    for method in (None, "tiff_lzw", "tiff_deflate", "packbits", "jpeg"):
        tags = {270: "at home", 315: "Ann Onymous", 700: PACKET}
        data = saved(image, "TIFF", compression=method, tiffinfo=tags, icc_profile=PROFILE)
        yield f"tiff by {method}", data, {"comment", "XMP"}
    yield "tiff with exif", saved(image, "TIFF", exif=exif().tobytes()), {"comment", "GPS"}
    yield "tiff of pages", saved(image, "TIFF", save_all=True, append_images=[image]), {"further pictures"}


def bare_files() -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of files that hold a picture and nothing else."""
    image = pillow_image()
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        yield kind.lower(), saved(image, kind)
    yield "lossless webp", saved(image, "WEBP", lossless=True)
    yield "webp with alpha", saved(translucent(image), "WEBP", lossless=True)
    yield "grey png", saved(image.convert("L"), "PNG")


def translucent(image: Image.Image) -> Image.Image:
    """Return the image with alpha rising from the left."""
    made = image.convert("RGBA")
    made.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    return made
