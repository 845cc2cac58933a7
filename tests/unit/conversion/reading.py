"""An independent reader of converted datasets, as StyleGAN3's loader reads them, and images to convert."""

import io
import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps


class Loaded:
    """Names sorted, pixels by Pillow, labels looked up by name: whole numbers become one-hot, vectors stay."""

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            files = {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
        else:
            with zipfile.ZipFile(path) as archive:
                assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
                files = {name: archive.read(name) for name in archive.namelist()}
        Image.init()
        self.names = sorted(name for name in files if Path(name).suffix.lower() in Image.EXTENSION)
        self.json = json.loads(files["dataset.json"])
        self.images = np.stack([np.asarray(Image.open(io.BytesIO(files[name]))) for name in self.names])
        assert self.images.ndim == 4 and self.images.shape[1] == self.images.shape[2] and self.images.shape[3] == 3
        self.labels = None
        if self.json["labels"] is not None:
            found = dict(self.json["labels"])
            values = np.array([found[name] for name in self.names])
            vectors = np.eye(values.max() + 1)[values] if values.ndim == 1 else values
            self.labels = vectors.astype(np.float32)
        assert set(files) == {*self.names, "dataset.json"}


def photograph(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Draw something with a photograph's spectrum: octaves of noise, and edges."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 120.0)
    for octave in range(1, 7):
        coarse = rng.normal(0, 8 + 2 * octave, (height // 2**octave + 2, width // 2**octave + 2, 3))
        image += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        colour = tuple(map(float, rng.integers(0, 256, 3)))
        cv2.ellipse(image, (x, y), (width // 30, height // 12), 0, 0, 360, colour, -1, cv2.LINE_AA)
    return np.clip(image, 0, 255).astype(np.uint8)


def file_of(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    """Encode pixels with Pillow."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, kind, **options)
    return data.getvalue()


def by_pillow(data: bytes, resolution: int, transform: str, aspect: tuple[int, int] = (16, 9)) -> np.ndarray:
    """Do with Pillow alone what a conversion is defined to do."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    if transform == "none":
        return np.asarray(image.resize((resolution, resolution), Image.Resampling.LANCZOS))
    if transform == "center-crop":
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side))
        return np.asarray(square.resize((resolution, resolution), Image.Resampling.LANCZOS))
    across, down = aspect
    width, height = min(image.width, round(image.height * across / down)), image.height
    if width == image.width:
        height = min(image.height, round(image.width * down / across))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    band = image.crop((left, top, left + width, top + height))
    size = (resolution, round(resolution * down / across))
    canvas = Image.new("RGB", (resolution, resolution))
    canvas.paste(band.resize(size, Image.Resampling.LANCZOS), (0, (resolution - size[1]) // 2))
    return np.asarray(canvas)


def psnr(image: np.ndarray, reference: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio of 8-bit images, dB."""
    error = np.mean((image.astype(float) - reference.astype(float)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)
