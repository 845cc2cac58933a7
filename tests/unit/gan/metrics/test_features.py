from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from throng.encoders.files import save_network
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.gan.metrics.features import KINDS, batched, features_of, load_extractor

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3)).astype(np.uint8)


def test_random_network_is_the_same_for_a_seed_and_says_that_it_is_random() -> None:
    state = torch.random.get_rng_state()
    one, again, other = load_extractor("random"), load_extractor("random"), load_extractor("random", seed=1)
    assert torch.equal(state, torch.random.get_rng_state())
    features = one(PIXELS)
    assert (features.shape, features.dtype) == ((3, one.dim), np.float32)
    np.testing.assert_array_equal(features, again(PIXELS))
    assert one.digest == again.digest != other.digest
    assert (one.name, one.comparable) == ("random", False)
    assert "never comparable" in one.note
    assert set(one.card()) == {"name", "digest", "dim", "comparable", "note"}


def test_features_of_an_image_do_not_depend_on_its_batch() -> None:
    extractor = load_extractor("random")
    batches = list(batched(iter(PIXELS), 2))
    assert [len(batch) for batch in batches] == [2, 1]
    np.testing.assert_allclose(features_of(extractor, batches), extractor(PIXELS), rtol=1e-4, atol=1e-4)
    assert features_of(extractor, []).shape == (0, extractor.dim)


def test_only_bytes_of_colours_are_pixels() -> None:
    extractor = load_extractor("random")
    for wrong in (PIXELS.astype(np.float32), PIXELS[0], PIXELS[..., :1]):
        with pytest.raises(ThrongError, match="uint8 RGB"):
            extractor(wrong)
    with pytest.raises(ThrongError, match="image 1 has shape"):
        list(batched([PIXELS[0], PIXELS[0, :10]], 4))


def test_throngs_own_encoders_are_read_from_their_files(tmp_path: Path) -> None:
    path = tmp_path / "encoder.safetensors"
    encoder = build_encoder("small", width=4).eval()
    save_network(path, encoder, kind="counting", recipe={})
    extractor = load_extractor("encoder", path)
    assert (extractor.digest, extractor.dim, extractor.comparable) == (sha256_file(path), 24, False)
    with torch.no_grad():
        expected = encoder(torch.from_numpy(PIXELS).permute(0, 3, 1, 2)).mean((2, 3))
    np.testing.assert_allclose(extractor(PIXELS), expected, rtol=1e-5)


def _dinov2(folder: Path) -> None:
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=12, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14, mlp_ratio=1
    )
    Dinov2Model(config).save_pretrained(folder)


def test_dinov2_is_read_from_a_folder(tmp_path: Path) -> None:
    _dinov2(tmp_path)
    extractor = load_extractor("dinov2", tmp_path)
    features = extractor(PIXELS)
    assert features.shape == (3, 12) == (3, extractor.dim)
    np.testing.assert_array_equal(features, load_extractor("dinov2", tmp_path)(PIXELS))
    assert np.abs(features - features[:1])[1:].max() > 1e-4
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 1', '"num_hidden_layers": 2'))
    with pytest.raises(ThrongError, match="has no tensor encoder"):
        load_extractor("dinov2", tmp_path)
    config.write_text('{"model_type": "vit"}')
    with pytest.raises(ThrongError, match="'vit': expected dinov2"):
        load_extractor("dinov2", tmp_path)


class _Scripted(torch.nn.Module):
    def forward(self, images: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        means = images.float().mean((2, 3), keepdim=True)
        return means if return_features else means.sum(1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_torchscript_file_executes_its_own_graph(tmp_path: Path) -> None:
    path = tmp_path / "detector.pt"
    torch.jit.save(torch.jit.script(_Scripted()), path)
    extractor = load_extractor("torchscript", path)
    assert (extractor.dim, extractor.digest) == (3, sha256_file(path))
    assert "executes its own graph" in extractor.note
    np.testing.assert_allclose(extractor(PIXELS), PIXELS.mean((1, 2)), rtol=1e-5)
    torch.save({}, path)
    with pytest.raises(ThrongError, match="is no TorchScript file"):
        load_extractor("torchscript", path)


def test_what_cannot_be_loaded_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ThrongError, match=r"called 'vgg'; known: random, encoder"):
        load_extractor("vgg")
    with pytest.raises(ThrongError, match="leave out"):
        load_extractor("random", tmp_path)
    for kind in KINDS.keys() - {"random"}:
        with pytest.raises(ThrongError, match="needs a path"):
            load_extractor(kind)
        with pytest.raises(ThrongError, match="nothing"):
            load_extractor(kind, tmp_path / "nothing")


def test_constant_images_of_any_size_look_alike_to_dinov2(tmp_path: Path) -> None:
    _dinov2(tmp_path)
    extractor = load_extractor("dinov2", tmp_path)
    grey = [np.full((1, side, side, 3), 90, np.uint8) for side in (16, 300)]
    np.testing.assert_allclose(extractor(grey[0]), extractor(grey[1]), atol=1e-4)


def test_pooling_without_padding_is_what_the_weights_of_2015_expect() -> None:
    from throng.gan.metrics.inception import _BlockA

    torch.manual_seed(0)
    block = _BlockA(8, 4).eval()
    x = torch.rand(1, 8, 5, 5)
    with torch.no_grad():
        found = block(x)[:, -4:]
        counts = functional.conv2d(torch.ones(1, 1, 5, 5), torch.ones(1, 1, 3, 3), padding=1)
        sums = functional.avg_pool2d(x, 3, stride=1, padding=1) * 9
        torch.testing.assert_close(found, block.branch_pool(sums / counts))
