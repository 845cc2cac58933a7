import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throng.errors import ThrongError
from throng.sources import odgt

whole = st.integers(-5000, 5000)
box = st.lists(whole, min_size=4, max_size=4)
flags = st.fixed_dictionaries({}, optional={"ignore": st.sampled_from([0, 1]), "occ": whole, "unsure": whole})
extras = st.fixed_dictionaries({}, optional={"ignore": st.sampled_from([0, 1]), "box_id": whole, "occ": whole})
boxes = st.fixed_dictionaries(
    {"tag": st.sampled_from(["person", "mask"]), "hbox": box, "vbox": box, "fbox": box},
    optional={"extra": extras, "head_attr": flags, "unknown": st.text()},
)
records = st.fixed_dictionaries({"ID": st.text(), "gtboxes": st.lists(boxes, max_size=4)})


def shuffled(draw_order, record):
    keys = sorted(record, key=lambda key: hash((draw_order, key)))
    return {key: record[key] for key in keys}


def as_lines(many) -> bytes:
    return "\n".join(json.dumps(one) for one in many).encode()


@given(st.lists(records, max_size=6), st.integers())
def test_every_field_survives_in_any_key_order(many, order):
    many = [shuffled(order, one) | {"gtboxes": [shuffled(order, box) for box in one["gtboxes"]]} for one in many]
    for line, one in zip(odgt.lines(as_lines(many)), many, strict=True):
        assert not line.problem
        record = odgt.record(line)
        assert record.ID == line.id == one["ID"]
        for read, wrote in zip(record.gtboxes, one["gtboxes"], strict=True):
            assert read.tag == wrote["tag"]
            assert [list(read.hbox), list(read.vbox), list(read.fbox)] == [wrote[k] for k in ("hbox", "vbox", "fbox")]
            assert (read.extra is None) == ("extra" not in wrote)
            for name in ("ignore", "box_id", "occ"):
                default = 0 if name == "ignore" else None
                assert getattr(read.extra or odgt.Extra(), name) == wrote.get("extra", {}).get(name, default)


@given(st.lists(records, max_size=6), st.sampled_from(["head", "visible", "full"]))
def test_arrays_agree_with_json(many, kind):
    arrays = odgt.read_boxes(as_lines(many), kind)
    field = {"head": "hbox", "visible": "vbox", "full": "fbox"}[kind]
    assert arrays.ids == [one["ID"] for one in many]
    assert arrays.boxes.dtype == np.int32
    for index, one in enumerate(many):
        mine = arrays.boxes[arrays.offsets[index] : arrays.offsets[index + 1]]
        assert mine.tolist() == [box[field] for box in one["gtboxes"]]


def test_a_broken_line_is_named_and_the_rest_goes_on():
    data = b'{"ID": "a", "gtboxes": []}\n\n{"ID": "b", "gtbo\n{"ID": "c", "gtboxes": []}\r\n'
    found = list(odgt.lines(data))
    assert [(line.number, line.id) for line in found] == [(1, "a"), (3, ""), (4, "c")]
    assert "truncated" in found[1].problem
    with pytest.raises(ThrongError, match=r"line 3: .*expected fbox as four whole numbers"):
        odgt.read_boxes(data)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "nan", "inf"])
def test_a_number_that_is_none_is_called_so(number):
    (line,) = odgt.lines(b'{"ID": "a", "gtboxes": [{"tag": "person", "fbox": [1, %s, 3, 4]}]}' % number.encode())
    assert line.problem.startswith("a number is NaN or infinite, which JSON does not know")


def test_a_box_of_three_numbers_names_its_line_and_field():
    line = odgt.Line(7, "a", b'{"ID": "a", "gtboxes": [{"tag": "person", "hbox": [1, 2, 3]}]}')
    with pytest.raises(ThrongError, match=r"line 7: .*gtboxes\[0\]\.hbox|line 7: .*gtboxes\[\.\.\.\]\.hbox"):
        odgt.record(line)
