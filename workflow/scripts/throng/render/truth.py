"""The oracle beside the rendered archives: one row per image with everything that the renderer knows."""

import pyarrow as pa

from throng.render.camera import visible_area
from throng.render.scene import Frame
from throng.rle import encode

_BOXES = pa.list_(pa.list_(pa.int32(), 4))
_POINTS = pa.list_(pa.list_(pa.float64(), 2))


def _field(name: str, kind: pa.DataType, unit: str) -> pa.Field:
    return pa.field(name, kind, nullable=False, metadata={"unit": unit})


SCHEMA = pa.schema(
    [
        _field("archive", pa.string(), "crowdhuman or shanghaitech"),
        _field("split", pa.string(), "train, val or test"),
        _field("path", pa.string(), "below the rendered folder, running through the zip"),
        _field("scene", pa.string(), "images of one scene share camera and background"),
        _field("frame", pa.int32(), "index within the scene"),
        _field("width", pa.int32(), "px"),
        _field("height", pa.int32(), "px"),
        _field("people", pa.int32(), "people in the image, hidden ones included"),
        _field("count", pa.int32(), "people that an annotator would mark"),
        _field("persons_per_m2", pa.float64(), "people on the visible ground per square metre"),
        _field("ground_m2", pa.float64(), "m2 of visible walkable ground"),
        _field("camera_height_m", pa.float64(), "m"),
        _field("focal_px", pa.float64(), "px"),
        _field("horizon_px", pa.float64(), "px, row of the horizon"),
        _field("head_points", _POINTS, "px, x y, 0-based, sub-pixel"),
        _field("head_boxes", _BOXES, "px, x y w h, amodal"),
        _field("full_boxes", _BOXES, "px, x y w h, amodal, may leave the image"),
        _field("visible_boxes", _BOXES, "px, x y w h, zeros when hidden"),
        _field("visible_share", pa.list_(pa.float64()), "seen pixels / pixels of the whole body"),
        _field("head_share", pa.list_(pa.float64()), "seen pixels / pixels of the head"),
        _field("counted", pa.list_(pa.bool_()), "marked by an annotator"),
        _field("ground_m", _POINTS, "m, X right and Z forward of the camera"),
        _field("stature_m", pa.list_(pa.float64()), "m"),
        _field("masks", pa.list_(pa.string()), "visible pixels, COCO run-length strings"),
        _field("lookalikes", _BOXES, "px, x y w h of statues"),
    ]
)


def truth_row(frame: Frame, archive: str, split: str, path: str) -> dict[str, object]:
    """Return the truth row of one image."""
    people, camera = frame.people, frame.camera
    return {
        "archive": archive,
        "split": split,
        "path": path,
        "scene": frame.scene.name,
        "frame": frame.index,
        "width": camera.width,
        "height": camera.height,
        "people": len(people),
        "count": frame.count,
        "persons_per_m2": frame.persons_per_m2,
        "ground_m2": visible_area(camera, frame.scene.ground),
        "camera_height_m": camera.height_m,
        "focal_px": camera.focal_px,
        "horizon_px": camera.horizon_px,
        "head_points": people.head_point.tolist(),
        "head_boxes": people.head_box.tolist(),
        "full_boxes": people.full_box.tolist(),
        "visible_boxes": people.visible_box.tolist(),
        "visible_share": people.visible_share.tolist(),
        "head_share": people.head_share.tolist(),
        "counted": people.counted.tolist(),
        "ground_m": people.ground_m.tolist(),
        "stature_m": people.stature_m.tolist(),
        "masks": masks(frame),
        "lookalikes": frame.scene.lookalikes.tolist(),
    }


def masks(frame: Frame) -> list[str]:
    """Return every person's visible mask as a COCO run-length string, nearest person first."""
    height, width = frame.instances.shape
    strings = []
    for index, box in enumerate(frame.people.visible_box.tolist()):
        left, top, columns, rows = (int(value) for value in box)
        window = frame.instances[top : top + rows, left : left + columns] == index + 1
        strings.append(encode(window, height=height, width=width, left=left, top=top))
    return strings
