import os

import cv2
import numpy as np
import pytest

from throng.calibration import features
from throng.calibration.features import unit
from throng.errors import ThrongError
from throng.fingerprint import fingerprint
from throng.images import decode, encode_jpeg
from throng.sections.count_synthetic import Descriptor, Transformers


def picture(seed: int, height: int = 120, width: int = 160) -> np.ndarray:
    coarse = np.random.default_rng(seed).uniform(0, 255, (6, 8, 3)).astype(np.float32)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


def bits(first, second):
    return (fingerprint(first) ^ fingerprint(second)).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_fingerprints_stay_under_what_does_not_change_the_picture(seed):
    image = picture(seed)
    assert bits(image, decode(encode_jpeg(image, 50))) <= 4
    assert bits(image, cv2.resize(image, (320, 240))) <= 4
    assert bits(image, np.clip(image * 0.8 + 10, 0, 255).astype(np.uint8)) <= 4
    assert bits(image, picture(seed + 100)) > 12


def test_a_fingerprint_is_64_bits():
    assert fingerprint(np.full((9, 7, 3), 80, np.uint8)) == 0
    found = [fingerprint(picture(seed)) for seed in range(40)]
    assert all(0 <= one < 2**64 for one in found) and len(set(found)) == 40
    assert all(one.bit_count() == 32 for one in found)


def test_a_fingerprint_is_read_off_the_cosine_transform():
    wave = np.cos(np.pi * (np.arange(32) + 0.5) / 32)  # the lowest frequency across
    image = np.repeat(np.repeat((128 + 100 * wave).round()[None, :, None], 32, 0), 3, 2).astype(np.uint8)
    assert fingerprint(image).bit_length() >= 63  # it is one of the first two


def test_descriptors_have_length_one_and_know_shapes_from_colours():
    describe = features.load(Descriptor(), [], "cpu").describe
    images = [picture(1), picture(1)[:, ::-1], 255 - picture(1), picture(2), np.zeros((40, 50, 3), np.uint8)]
    vectors = describe(images)
    assert vectors.dtype == np.float32 and vectors.shape == (5, (16 + 4 + 1) * (8 + 6))
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-6)
    assert vectors.tolist() == np.concatenate([describe([one]) for one in images]).tolist()
    cosine = vectors @ vectors[0]
    assert describe([decode(encode_jpeg(picture(1), 80))])[0] @ vectors[0] > 0.995 > cosine[1:].max()
    tinted = np.clip(picture(1) * [1.2, 1.0, 0.7], 0, 255).astype(np.uint8)
    assert cosine[3] < describe([tinted])[0] @ vectors[0] < 0.999


def test_an_even_image_has_a_descriptor():
    assert unit(np.zeros((2, 4))).tolist() == [[0.5] * 4] * 2


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Save small encoders of random weights, and the processors that they are shipped with."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from transformers import (
        BitImageProcessor,
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        Dinov2Config,
        Dinov2Model,
    )

    folder = tmp_path_factory.mktemp("encoders")
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    side = {"image_size": 32, "patch_size": 8}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        text = small | {"intermediate_size": 37, "vocab_size": 99}
        vision = small | side | {"intermediate_size": 37}
        CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)).save_pretrained(
            folder / "clip"
        )
        Dinov2Model(Dinov2Config(**small, **side)).save_pretrained(folder / "dino")
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        folder / "clip"
    )
    BitImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(
        folder / "dino"
    )
    return folder


@pytest.mark.parametrize(("name", "kind", "width"), [("clip", "CLIPModel", 24), ("dino", "Dinov2Model", 32)])
@pytest.mark.parametrize("pooling", ["model", "mean"])
def test_encoders_of_transformers_are_loaded_from_their_folder(encoders, name, kind, width, pooling):
    config = Transformers(model=str(encoders / name), pooling=pooling)
    encoder = features.load(config, [encoders / name / "config.json", encoders / name / "model.safetensors"], "cpu")
    images = [picture(1), picture(2, 60, 200), picture(3)]
    vectors = encoder.describe(images)
    assert encoder.model["name"] == kind and len(encoder.model["sha256"]) == 64
    assert vectors.shape == (3, width if pooling == "model" else 32) and vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-6)
    assert np.concatenate([encoder.describe([one]) for one in images]) == pytest.approx(vectors, abs=1e-5)
    again = features.load(config, [encoders / name], "cpu")
    assert again.describe(images).tolist() == vectors.tolist()
    assert vectors[0] @ vectors[1] < 0.99999


def test_what_is_no_encoder_is_refused(tmp_path, encoders):
    config = Transformers(model=str(tmp_path))
    with pytest.raises(ThrongError, match=r"no folder with a config\.json"):
        features.load(config, [tmp_path], "cpu")
    (tmp_path / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(ThrongError, match="no image encoder"):
        features.load(config, [tmp_path], "cpu")


def test_a_text_model_takes_no_images(tmp_path, encoders):
    from transformers import BertConfig, BertModel, CLIPImageProcessor

    BertModel(
        BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    ).save_pretrained(tmp_path)
    CLIPImageProcessor().save_pretrained(tmp_path)
    with pytest.raises(ThrongError, match=r"BertModel in .* takes no images"):
        features.load(Transformers(model=str(tmp_path)), [tmp_path], "cpu")
