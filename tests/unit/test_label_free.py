"""No configuration may let a human label decide anything on the ladder, nor name what is not there."""

import re
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from throng import config
from throng.errors import ThrongError

ROOT = Path(__file__).parents[2]
PSEUDO = {"name": "pseudo", "data": {"images": 0, "synthetic": 0, "detected": 1}, "validation": "detected"}
RUNG = {"kind": "counter", "name": "detector's heads", "counter": "pseudo"}
PRIOR = {"kind": "prior", "name": "mean count"}
UNLABELLED = {"name": "photographs", "format": "folder", "root": "photographs"}
TESTED = {"name": "b", "format": "shanghaitech", "root": "b", "limit": {"train": 0, "val": 0}}
LABELLED = {"ingest": {"sources": [TESTED | {"limit": {"train": 100, "val": 0}}]}}
CLEAN = {
    "detect": {"backend": "ultralytics", "model": "people.onnx"},
    "ingest": {"sources": [UNLABELLED, TESTED]},
    "ladder": {"rungs": [PRIOR, RUNG], "upstream_labels": "refuse"},
    "train_counter": {"counters": [PSEUDO]},
}


def refused(raw):
    with pytest.raises(ThrongError) as caught:
        config.load(raw)
    return str(caught.value).splitlines()[1:]


def with_counter(**keys):
    return CLEAN | {"train_counter": {"counters": [PSEUDO | keys]}}


def test_a_counter_of_detected_heads_may_be_a_rung():
    assert config.load(CLEAN).ladder.rungs[1].name == "detector's heads"


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (with_counter(data={"images": 1, "synthetic": 0}), "data.images: 1 teaches labelled heads; set it to 0"),
        (with_counter(validation="val"), "validation: val chooses the weights by labels; use detected"),
        (with_counter(seed_compat=True), "seed_compat allows a choice by the test split; set it to false"),
    ],
)
def test_a_counter_that_a_label_teaches_or_chooses_is_no_rung(raw, sentence):
    assert refused(raw) == [f"  ladder.rungs: counter pseudo is no rung, for no label may decide there: {sentence}"]


def test_weights_chosen_by_the_test_split_are_refused_on_both_counts():
    chosen, allowed = refused(with_counter(validation="test", seed_compat=True))
    assert "validation: test chooses the weights by labels" in chosen
    assert "seed_compat" in allowed


def test_annotated_boxes_are_no_detected_heads_wherever_labels_are_allowed():
    raw = CLEAN | {"detect": {"backend": "annotations"}, "ladder": {"rungs": [PRIOR, RUNG]}}
    assert ["detect.backend: annotations; choose ultralytics" in line for line in refused(raw)] == [True]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"count_synthetic": {"counter": {"weights": "x.safetensors"}}},
            "count_synthetic.counter may have learnt from labels",
        ),
        (
            {"detect": {"backend": "ultralytics", "model": "trained"}},
            "detect.model: trained is trained on annotated boxes of these sources",
        ),
        (
            {
                "ladder": {
                    "rungs": [{"kind": "detector", "name": "found", "detector": {"model": "trained"}}],
                    "upstream_labels": "refuse",
                }
            },
            "the model: trained of rung 'found' is trained on annotated boxes",
        ),
    ],
)
def test_labels_upstream_are_refused_where_that_is_asked_for(keys, sentence):
    (said,) = refused(CLEAN | keys)
    assert said.startswith("  ladder.upstream_labels: refuse, but")
    assert sentence in said
    allowed = CLEAN | keys
    config.load(allowed | {"ladder": allowed["ladder"] | {"upstream_labels": "allow"}})


def test_labelled_training_photographs_are_refused_by_every_way_that_reads_their_labels():
    rungs = {"ladder": {"rungs": [PRIOR], "upstream_labels": "refuse"}}
    said = refused(CLEAN | LABELLED | rungs | {"detect": {"backend": "annotations"}})
    ways = ["detect.backend: annotations", "remove.shams_avoid", "count_synthetic.reference: 64", "composite cuts"]
    assert [way in line for way, line in zip(ways, said, strict=True)] == [True] * 4
    assert all("of b split test alone (limit: {train: 0, val: 0})" in line for line in said)


def test_labelled_training_photographs_pass_where_nothing_reads_their_labels():
    closed = {
        "remove": {"backend": "opencv", "shams_avoid": "detected"},
        "count_synthetic": {"reference": 0},
        "synthesize": {"makers": [{"name": "rendered", "backend": "rendered"}]},
    }
    assert config.load(CLEAN | LABELLED | closed).ladder.upstream_labels == "refuse"


@pytest.mark.parametrize(("split", "teaches"), [("train", True), ("test", False)])
def test_a_source_of_one_split_teaches_as_that_split_does(split, teaches):
    source = {"name": "p", "format": "pennfudan", "root": "p", "split": split}
    raw = CLEAN | {"ingest": {"sources": [UNLABELLED, source]}}
    if teaches:
        assert len(refused(raw)) == 3
    else:
        config.load(raw)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (
            {"ladder": {"rungs": [{"kind": "fit", "name": "a", "fit": "none"}]}},
            "ladder.rungs: 'a' names 'none', which is not in fit_counts.fits (there: ",
        ),
        (
            {"ladder": {"rungs": [{"kind": "counter", "name": "a", "counter": "none"}]}},
            "ladder.rungs: 'a' names 'none', which is not in train_counter.counters (there: compact)",
        ),
        (
            {"fit_counts": {"fits": [{"name": "synthetic", "encoder": "rank:none"}, {"name": "random"}]}},
            "fit_counts.fits: synthetic fits 'none', which is not in pretrain_rank.encoders",
        ),
        (
            {"fit_counts": {"fits": [{"name": "synthetic", "encoder": "count:none"}, {"name": "random"}]}},
            "fit_counts.fits: synthetic fits 'none', which is not in pretrain_count.networks",
        ),
        (
            {"fit_counts": {"fits": [{"name": "synthetic", "seeds": 3}, {"name": "random"}]}},
            "fit_counts.fits: synthetic fits 'synthetic' in 3 runs, but pretrain_rank.encoders makes 1 of it",
        ),
        (
            {"pretrain_rank": {"encoders": [{"name": "synthetic", "start": "none"}]}},
            "pretrain_rank.encoders: synthetic starts from 'none', which is not in pretrain_count.networks",
        ),
        (
            {"pretrain_rank": {"encoders": [{"name": "synthetic", "start": "pretext", "seeds": 2}]}},
            "pretrain_rank.encoders: synthetic starts from 'pretext' in 2 runs, but pretrain_count.networks makes 1",
        ),
        ({"probe": {"networks": ["none"]}}, "probe.networks names 'none'"),
        ({"probe": {"rankers": ["none"]}}, "probe.rankers names 'none', which is not in pretrain_rank.encoders"),
    ],
)
def test_a_name_that_leads_nowhere_is_one_sentence(raw, sentence):
    (said,) = refused(raw)
    assert sentence in said


def test_random_features_need_no_encoder_of_any_stage():
    raw = {"fit_counts": {"fits": [{"name": "random", "encoder": "random:small", "seeds": 5}]}}
    assert config.load(raw | {"ladder": {"rungs": [PRIOR]}}).fit_counts.fits[0].seeds == 5


@pytest.mark.parametrize("overlay", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_overlays_that_come_with_throng_pass(overlay):
    raw = yaml.safe_load(config.CONFIG_FILE.read_text())
    for name in re.findall(r"config/\S+\.yaml(?= )", overlay.read_text()) or [f"config/{overlay.name}"]:
        update_config(raw, yaml.safe_load((ROOT / name).read_text()))
    config.load(raw)


def test_a_variant_names_a_step_before_it():
    variant = {"kind": "fit", "name": "b", "fit": "random", "against": "mean count"}
    assert config.load({"ladder": {"rungs": [PRIOR, variant]}}).ladder.rungs[1].against == "mean count"
    for rungs in ([variant, PRIOR], [PRIOR, variant, variant | {"name": "c", "against": "b"}]):
        (said,) = refused({"ladder": {"rungs": rungs}})
        assert "which is no step before it" in said
