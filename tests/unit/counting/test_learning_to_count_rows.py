import pytest

from tests.rows import synthetic_row
from tests.unit.counting.test_rows import photograph, tables
from throng.counting.learning_to_count.rows import look_up
from throng.encoders.pictures import Place

SIZE, CROP = (60, 80), (40, 40)


def shown(name, split="train", width=80, height=60, **said):
    return photograph(name, split, width=width, height=height, **said)


def looked(folder, rows, made=(), shares=None, held_out=10):
    found = tables(folder, rows, made)
    shares = {"images": 1.0, "synthetic": 0.0} if shares is None else shares
    return look_up(found.images, found.synthetic, shares, size=SIZE, crop=CROP, held_out=held_out)


def test_photographs_of_train_are_looked_at_and_some_of_val_held_out(tmp_path):
    rows = [
        shown(name, split) for split in ("train", "val", "test") for name in (f"{split}1", f"{split}2", f"{split}3")
    ]
    rows.append(shown("bad", status="rejected", reason="torn"))
    found = looked(tmp_path, rows, held_out=2)
    assert [place.path for place in found.places] == ["train1.png", "train2.png", "train3.png"]
    assert [place.path for place in found.held_out] == ["val1.png", "val2.png"]
    assert found.shares == [1.0] * 3
    assert found.ids == ["train1", "train2", "train3", "val1", "val2"]


def test_synthesised_images_are_looked_at_as_often_as_asked_for(tmp_path):
    rows = [shown("a"), shown("b", "val"), shown("c", "val")]
    made = [synthetic_row(id=name, path=f"{name}.png", width=80, height=60, split="train") for name in ("s", "t")]
    found = looked(tmp_path, rows, made, {"images": 1.0, "synthetic": 0.5})
    assert [(place.source, place.path) for place in found.places] == [
        ("source", "a.png"),
        ("results", "s.png"),
        ("results", "t.png"),
    ]
    assert found.shares == [1.0, 0.5, 0.5]
    only = looked(tmp_path, rows, made, {"images": 0.0, "synthetic": 1.0})
    assert [place.path for place in only.places] == ["s.png", "t.png"] and len(only.held_out) == 2


def test_equal_pictures_count_once_and_small_ones_not_at_all(tmp_path, caplog):
    rows = [shown("a"), shown("a", path="z.png"), shown("b"), shown("c", width=39), shown("d", height=39)]
    rows += [shown("v", "val"), shown("w", "val")]
    with caplog.at_level("INFO"):
        found = looked(tmp_path, rows)
    assert [place.path for place in found.places] == ["a.png", "b.png"]
    assert "images: 2 held out, 2 looked at, 1 seen already, 2 smaller than the crop" in caplog.text


@pytest.mark.parametrize(
    ("width", "height", "window"),
    [
        (800, 600, {"x": 0, "y": 0, "w": 800, "h": 600}),
        (1000, 600, {"x": 100, "y": 0, "w": 800, "h": 600}),
        (80, 100, {"x": 0, "y": 20, "w": 80, "h": 60}),
    ],
)
def test_a_picture_is_looked_at_in_its_largest_centred_window(tmp_path, width, height, window):
    rows = [shown("a", width=width, height=height), shown("b"), shown("v", "val"), shown("w", "val")]
    assert looked(tmp_path, rows).places[0] == Place("source", "a.png", window)
