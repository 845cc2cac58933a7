"""The command that sorts photographs by a ranker, run in this process: what it prints, writes, and how it ends."""

import csv

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from throng.cli import app
from throng.counting.registry import build, save_counter
from throng.encoders.files import save_network
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.images import encode_png

SIZE = (48, 64)
CELLS = 3 * 4


def throng(*arguments):
    return CliRunner().invoke(app, ["rank", *(str(argument) for argument in arguments)])


def flat(level):
    return np.full((96, 128, 3), level, np.uint8)


def brightness():
    """An encoder whose first feature is how far red is above ImageNet's mean, and whose others are 0."""
    encoder = build_encoder("small", width=1)
    with torch.no_grad():
        for name, tensor in encoder.network.named_parameters():
            tensor.zero_()
            if name.endswith("weight"):
                tensor[0, 0, 1, 1] = 1
    return encoder


def saved(path, kind="ranker"):
    encoder = brightness()
    head = {"weight": torch.tensor([1.0, 0, 0, 0, 0, 0])}
    save_network(path, encoder, kind=kind, head=head, head_card={"size": SIZE, "reference_cells": CELLS}, recipe={})
    return path


def score(level):
    return (level / 255 - 0.485) / 0.229


@pytest.fixture
def model(tmp_path):
    return saved(tmp_path / "ranker" / "ranker.safetensors")


@pytest.fixture
def photographs(tmp_path):
    folder = tmp_path / "photographs"
    (folder / "below").mkdir(parents=True)
    for name, level in {"a": 150, "b": 250, "below/c": 200, "d": 150}.items():
        (folder / f"{name}.png").write_bytes(encode_png(flat(level)))
    return folder


def test_pictures_are_sorted_with_most_people_first(photographs, model, tmp_path):
    made = throng(photographs, "--model", model.parent, "--csv", tmp_path / "ranks.csv")
    assert made.exit_code == 0, made.output
    order = [("b", 250), ("below/c", 200), ("a", 150), ("d", 150)]
    lines = [f"{n}. {photographs / name}.png: {score(level):.4f}" for n, (name, level) in enumerate(order, 1)]
    assert made.stdout.splitlines() == lines
    with (tmp_path / "ranks.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["path"] for row in rows] == [f"{photographs / name}.png" for name, _ in order]
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4"]
    assert [float(row["score"]) for row in rows] == pytest.approx([score(level) for _, level in order], abs=1e-5)


def test_what_cannot_be_read_is_said_and_the_rest_sorted(photographs, model, tmp_path):
    (photographs / "e.jpg").write_bytes(b"no image")
    made = throng(tmp_path / "gone.jpg", photographs / "a.png", photographs / "e.jpg", "--model", model)
    assert made.exit_code == 1
    assert made.stdout.splitlines() == [
        f"1. {photographs / 'a.png'}: {score(150):.4f}",
        f"{tmp_path / 'gone.jpg'}: not ranked: cannot be read: No such file or directory",
        f"{photographs / 'e.jpg'}: not ranked: the bytes are no image that can be decoded",
        "1 ranked, 2 failed",
    ]


def test_frames_of_a_video_are_sorted_too(model, tmp_path):
    video = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5, (128, 96))
    for level in (160, 255, 240):
        video.write(flat(level))
    video.release()
    made = throng(tmp_path / "v.avi", "--model", model, "--every", 2)
    assert [line.split(":")[0] for line in made.stdout.splitlines()] == [
        f"1. {tmp_path / 'v.avi'}#000002",
        f"2. {tmp_path / 'v.avi'}#000000",
    ]


@pytest.mark.parametrize(
    ("kind", "what"), [("fitted", "a fitted counter of fit_counts"), ("counting", "a network of pretrain_count")]
)
def test_another_network_is_no_ranker(photographs, tmp_path, kind, what):
    made = throng(photographs, "--model", saved(tmp_path / "other.safetensors", kind))
    assert isinstance(made.exception, ThrongError)
    assert f"other.safetensors holds {what}: expected a ranker of pretrain_rank" in str(made.exception)


def test_a_counter_is_no_ranker(photographs, tmp_path):
    save_counter(tmp_path / "counter.safetensors", build("compact"), {})
    made = throng(photographs, "--model", tmp_path / "counter.safetensors")
    assert isinstance(made.exception, ThrongError)
    assert "holds a counter of train_counter: expected a ranker of pretrain_rank" in str(made.exception)


def test_a_missing_model_is_named(photographs, tmp_path):
    made = throng(photographs, "--model", tmp_path)
    assert isinstance(made.exception, ThrongError)
    assert f"no network at {tmp_path / 'ranker.safetensors'}" in str(made.exception)
