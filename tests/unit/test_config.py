"""The configuration: strict keys with hints, generated files in step, slices that hold what decides the output."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from throng import config
from throng.errors import ThrongError
from throng.provenance import canonical_json
from throng.sections.base import output_slice


def test_generated_files_are_in_step():
    assert config.CONFIG_FILE.read_text() == config.config_text()
    assert config.SCHEMA_FILE.read_text() == config.schema_text()


def test_config_yaml_is_the_defaults():
    assert config.load(yaml.safe_load(config.config_text())) == config.Config()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"detct": {}}, "detct: unknown key; did you mean 'detect'?"),
        ({"detect": {"backend": "annotations", "chunk": 3}}, "detect.chunk: unknown key; did you mean 'chunks'?"),
        ({"detect": {"backend": "annotations", "confidence": 0.3}}, "detect.confidence: belongs to 'ultralytics'"),
        ({"detect": {"backend": "yolo"}}, "detect.backend: unknown; expected one of 'annotations', 'ultralytics'"),
        ({"remove": {"backend": "opencv", "kep": [0.5]}}, "remove.kep: unknown key; did you mean 'kept'?"),
        ({"ingest": {"sources": [{"name": "a", "format": "folder"}]}}, "ingest.sources.0.root: this key is required"),
        ({"ingest": {"sources": [{"name": "a", "format": "folder", "root": "x", "part": "B"}]}}, "'shanghaitech'"),
        ({"synthesize": {"makers": [{"name": "r", "backend": "rendered", "refill": []}]}}, "belongs to 'composite'"),
        ({"seed": "x"}, "seed: Input should be a valid integer"),
        ({"label_density": {"labellers": [{"method": "grid", "thresholds": [3, 1]}]}}, "thresholds must rise"),
        ({"label_density": {"label": "kde"}}, "label 'kde' is none of the labellers: threshold fixed"),
    ],
)
def test_bad_configuration_gets_one_line_naming_the_key(raw, expected):
    with pytest.raises(ThrongError) as caught:
        config.load(raw)
    assert expected in str(caught.value)


def test_all_bad_keys_are_named_at_once():
    with pytest.raises(ThrongError) as caught:
        config.load({"detct": {}, "seed": -1})
    assert len(str(caught.value).splitlines()) == 3


def test_runtime_keys_stay_out_of_the_slice():
    one = config.load({"evaluate": {"device": "cpu"}, "results": "here"})
    two = config.load({"evaluate": {"device": "cuda"}, "results": "there"})
    assert output_slice(one) == output_slice(two)
    assert "device" not in output_slice(one)["evaluate"]


def test_equal_settings_have_one_spelling():
    one = config.load({"remove": {"backend": "opencv", "radius": 2, "kept": [0.5, 0]}})
    two = config.load({"remove": {"backend": "opencv", "kept": [0.50, 0.0], "radius": 2.0}})
    assert canonical_json(output_slice(one)) == canonical_json(output_slice(two))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_canonical_json_round_trips_and_ignores_key_order(value):
    text = canonical_json(value)
    assert json.loads(text) == value
    if isinstance(value, dict):
        assert canonical_json(dict(reversed(value.items()))) == text


def test_rendered_scenes_too_few_for_every_split_are_refused():
    with pytest.raises(ThrongError, match=r"crowdhuman: 120 images of 60 frames per scene leave a split empty.*121"):
        config.load({"render": {"crowdhuman": 120, "shanghaitech": 240, "frames_per_scene": 60}})
