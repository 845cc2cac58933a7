"""Stage probe on pictures of dots: a row for everybody and for nobody's training, and one sentence for bad input."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.probing.world import World
from throng.counting.learning_to_count.networks import counting_network, load_counting
from throng.encoders.files import read_network
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.images import decode
from throng.probing.frozen import parameter_hash
from throng.probing.subjects import NETWORK, controls, read_subject
from throng.seeds import sample_seed


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, list[bytes], dict[str, Any]]:
    """Two runs of a network and one of a ranker, their files' bytes before the probe, and what it found."""
    world = World(tmp_path_factory.mktemp("finished"))
    files = [world.network("pretext", "seed-1"), world.network("pretext", "seed-2", seed=9), world.ranker()]
    before = [file.read_bytes() for file in files]
    return world, before, world.run()


def test_every_run_has_its_rows_beside_a_random_init_of_each_architecture_and_run(
    finished: tuple[World, list[bytes], dict[str, Any]],
):
    world, before, found = finished
    files = [*world.networks, *world.rankers]
    plain, other = "random init small width=2, sum head of 6", "random init small width=3"
    who = {(row["name"], row["run"]) for row in found["layers"]}
    assert who == {(name, run) for name in ("pretext", plain) for run in ("seed-1", "seed-2")}
    assert [row["layer"] for row in found["layers"][:5]] == ["conv1", "conv2", "conv3", "conv4", "conv5"]
    for row in found["layers"]:
        assert row["features"] < 10_000 and row["top1_95"][0] <= row["top1"] <= row["top1_95"][1]
    people = {(row["name"], row["representation"]) for row in found["people"]}
    assert people == {
        ("pretext", "features"), ("pretext", "counting vector"), (plain, "features"), (plain, "counting vector"),
        ("synthetic", "features"), (other, "features"),
    }  # fmt: skip
    assert {row["pictures"] for row in found["people"]} == {"photographs", "synthesised images"}
    assert [one["network"] for one in found["verdicts"]] == ["pretext"]
    assert found["verdicts"][0]["runs"] == ["seed-1", "seed-2"]
    by_name = {(row["name"], row["run"]): row for row in found["networks"]}
    assert by_name["pretext", "seed-2"]["parameters_sha256"] == parameter_hash(load_counting(files[1]))
    assert by_name["synthetic", "seed-1"]["parameters_sha256"] == parameter_hash(read_network(files[2]).encoder)
    assert by_name["pretext", "seed-1"]["sha256"] == sha256_file(files[0])
    assert [file.read_bytes() for file in files] == before
    for name in ("probe.png", "leak.png"):
        assert decode((world.root / "out" / name).read_bytes()).std() > 5


def test_margins_are_the_differences_of_the_rows(finished: tuple[World, list[bytes], dict[str, Any]]):
    _, _, found = finished
    for layer, margin in found["verdicts"][0]["margins"].items():
        rows = [row for row in found["layers"] if row["layer"] == layer]
        points = [sum(row["top1"] for row in rows if row["trained"] == trained) / 2 for trained in (True, False)]
        assert margin["points"] == pytest.approx(points[0] - points[1])
        assert margin["points_95"][0] <= margin["points"] <= margin["points_95"][1]
    assert all(layer in found["verdicts"][0]["sentence"] for layer in ("conv3", "conv4"))


def test_dots_that_are_people_are_told_by_random_features_even(
    finished: tuple[World, list[bytes], dict[str, Any]],
):
    rows = [row for row in finished[2]["people"] if (row["representation"], row["name"]) == ("features", "synthetic")]
    assert len(rows) == 2
    for row in rows:
        assert row["r2"] > 0.5 and row["r2_95"][0] <= row["r2"] <= row["r2_95"][1]


def test_the_control_of_a_run_is_the_network_that_the_run_started_from(world: World):
    subject = read_subject(world.network(run="seed-3"), NETWORK)
    (control,) = controls([subject], 11)
    torch.manual_seed(sample_seed(11, "pretrain_count", "seed-3") >> 1)
    start = counting_network("small", (16, 16), units=6, options={"width": 2})
    assert control.counting is not None
    assert parameter_hash(control.counting) == parameter_hash(start)
    assert not control.encoder.training


def test_equal_input_gives_equal_bytes_and_no_test_photograph_is_read(world: World):
    world.network()
    world.run("first")
    for number, row in enumerate(world.photographs):
        if row.split == "test":
            (world.root / row.path).unlink()
            world.photographs[number] = dataclasses.replace(row, count=10_000)
    world.write()
    world.run("second")
    for name in ("probe.json", "probe.png", "leak.png"):
        assert (world.root / "first" / name).read_bytes() == (world.root / "second" / name).read_bytes()


def test_a_network_that_counts_nothing_is_shown_as_such(world: World):
    world.network(dead=True)
    found = world.run()
    (dead, alive) = found["leak"]
    assert dead["ratio"] is None and set(dead["errors"].values()) == {None}
    assert alive["ratio"] >= 1 and math.isfinite(alive["ratio"])
    vectors = [row for row in found["people"] if row["trained"] and row["representation"] == "counting vector"]
    assert [row["active_units"] for row in vectors] == [0, 0]


def test_a_set_with_too_few_pictures_is_left_out_and_said(world: World):
    world.network()
    world.photographs = [row for row in world.photographs if row.split != "val"]
    world.write()
    found = world.run()
    assert {row["pictures"] for row in found["people"]} == {"synthesised images"}
    (reason,) = found["shown"]["left_out"]
    assert "0 to measure, at least 4 each are needed" in reason


def test_no_picture_of_known_count_is_refused_with_the_numbers(world: World):
    world.network()
    world.photographs = [dataclasses.replace(row, count=None, points=None) for row in world.photographs]
    world.synthetic = world.synthetic[:3]
    world.write()
    with pytest.raises(ThrongError, match=r"0 labelled photographs.*3 synthesised images.*probe\.people\.fewest"):
        world.run()


def test_a_ranker_among_the_networks_is_refused_by_its_kind(world: World):
    world.networks.append(world.ranker())
    world.rankers.clear()
    with pytest.raises(ThrongError, match="holds a ranker of pretrain_rank: expected a network of pretrain_count"):
        world.run()


def test_a_counting_network_among_the_rankers_is_refused_by_its_kind(world: World):
    world.rankers.append(world.network())
    world.networks.clear()
    with pytest.raises(ThrongError, match="holds a network of pretrain_count: expected a ranker of pretrain_rank"):
        world.run()


def test_photographs_that_all_show_as_many_are_refused(world: World):
    world.network()
    world.photographs = [dataclasses.replace(row, count=5) for row in world.photographs]
    world.write()
    with pytest.raises(ThrongError, match="photographs that the count probe measures show 5 people"):
        world.run()
