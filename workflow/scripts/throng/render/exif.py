"""What a camera writes into its files: the lens and the sensor of a rendered scene's camera, as EXIF."""

import math

from throng.errors import ThrongError
from throng.render.camera import Camera

LONGER_SIDE_MM = 36  # of the sensor
FINEST = 1_000_000
EXIF_DIRECTORY = 0x8769
CENTIMETRE = 3


def with_exif(jpeg: bytes, camera: Camera) -> bytes:
    """Return a JPEG with an EXIF block that gives the camera's focal length, exactly and as that for 35 mm film.

    Equal arguments give equal bytes, and the pixels are untouched. Raises ThrongError when ``jpeg`` is none that begins
    with a JFIF segment.
    """
    if jpeg[:4] != b"\xff\xd8\xff\xe0":
        raise ThrongError("EXIF goes behind the JFIF segment of a JPEG, which these bytes do not begin with")
    behind = 4 + int.from_bytes(jpeg[4:6], "big")
    block = _block(camera)
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    return jpeg[:behind] + segment + jpeg[behind:]


def _block(camera: Camera) -> bytes:
    from PIL.ExifTags import Base
    from PIL.Image import Exif
    from PIL.TiffImagePlugin import IFDRational

    per_mm = max(camera.width, camera.height) / LONGER_SIDE_MM
    film = camera.focal_px / math.hypot(camera.width, camera.height) * math.hypot(36, 24)
    per_cm = IFDRational(10 * max(camera.width, camera.height), LONGER_SIDE_MM)
    exif = Exif()
    exif[Base.Orientation] = 1
    exif.get_ifd(EXIF_DIRECTORY).update(
        {
            Base.ExifVersion: b"0232",
            Base.FocalLength: IFDRational(round(camera.focal_px / per_mm * FINEST), FINEST),
            Base.FocalLengthIn35mmFilm: round(film),
            Base.ExifImageWidth: camera.width,
            Base.ExifImageHeight: camera.height,
            Base.FocalPlaneXResolution: per_cm,
            Base.FocalPlaneYResolution: per_cm,
            Base.FocalPlaneResolutionUnit: CENTIMETRE,
        }
    )
    return exif.tobytes()
