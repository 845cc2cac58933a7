import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.synthesizers.drawn import image_row
from throng.images import decode
from throng.synthesizers.cutting import candidates
from throng.synthesizers.silhouette import SURROUND, grab
from throng.tables.detections import Detection, DetectionRow


@pytest.mark.real_data
def test_grabcut_agrees_with_the_outlines_of_penn_fudan():
    data = Path(os.environ.get("THRONG_DATA", "")) / "pennfudan"
    if not os.environ.get("THRONG_DATA") or not data.is_dir():
        pytest.skip("THRONG_DATA names no folder with Penn-Fudan")
    overlaps, asked = [], 0
    for path in sorted((data / "PNGImages").glob("*.png")):
        pixels = decode(path.read_bytes())
        labels = cv2.imread(str(data / "PedMasks" / f"{path.stem}_mask.png"), cv2.IMREAD_GRAYSCALE)
        boxes = [cv2.boundingRect((labels == label).astype(np.uint8)) for label in range(1, labels.max() + 1)]
        people = [Detection(x=x, y=y, w=w, h=h, score=1.0, mask=None) for x, y, w, h in boxes]
        row = image_row("i", "s", path.name, labels.shape)
        for person in candidates(row, DetectionRow("i", "ultralytics", people, "ok", ""), 40):
            asked += 1
            x, y, w, h = boxes[person]
            margin = round(SURROUND * h)
            left, top = max(0, x - margin), max(0, y - margin)
            window = np.s_[top : y + h + margin, left : x + w + margin]
            others = np.delete(np.array(boxes, float), person, axis=0) - (left, top, 0, 0)
            mine = grab(pixels[window], (x - left, y - top, w, h), others)
            if mine is not None:
                truth = labels[window] == person + 1
                overlaps.append((mine & truth).sum() / (mine | truth).sum())
    assert asked > 80
    assert len(overlaps) > 0.2 * asked
    assert np.mean(overlaps) > 0.8
    assert np.quantile(overlaps, 0.1) > 0.7
