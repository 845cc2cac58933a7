from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.unit.gan.stylegan3.networks import disturbed, small_discriminator, small_generator
from throng.errors import ThrongError
from throng.gan import r3gan
from throng.gan.files import read_card, read_discriminator, read_generator, save_discriminator, save_generator
from throng.gan.labels import OneHot, Unlabelled


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "generator.safetensors"
    generator = disturbed(small_generator(3, w_classes=3))
    save_generator(path, generator, encoding=OneHot(3), recipe={"gan": "crowds", "kimg": 1.5})
    return path


def test_a_generator_comes_back_as_it_was(tmp_path: Path) -> None:
    generator, path = disturbed(small_generator(3, w_classes=3)), tmp_path / "g.safetensors"
    generator.w_avg.normal_()
    save_generator(path, generator, encoding=OneHot(3), recipe={"gan": "crowds", "kimg": 1.5})
    state = torch.get_rng_state()
    stored = read_generator(path)
    assert torch.equal(torch.get_rng_state(), state)
    assert not stored.generator.training
    assert (stored.encoding, stored.recipe) == (OneHot(3), {"gan": "crowds", "kimg": 1.5})
    assert stored.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    z, c = torch.randn(2, 16), torch.eye(3)[:2]
    assert torch.equal(stored.generator(z, c, truncation=0.5), generator(z, c, truncation=0.5))


def test_a_discriminator_comes_back_as_it_was(tmp_path: Path) -> None:
    network, path = disturbed(small_discriminator(3)), tmp_path / "d.safetensors"
    save_discriminator(path, network, encoding=OneHot(3), recipe={})
    images, c = torch.randn(2, 3, 16, 16), torch.eye(3)[:2]
    assert torch.equal(read_discriminator(path).discriminator(images, c), network(images, c))


def test_networks_of_r3gan_are_kept_in_the_same_files(tmp_path: Path) -> None:
    generator, path = disturbed(r3gan.Generator(16, widths=(8, 8, 8), groups=2)), tmp_path / "g.safetensors"
    save_generator(path, generator, encoding=Unlabelled(), recipe={})
    z = torch.randn(2, generator.z_dim)
    assert torch.equal(read_generator(path).generator(z), generator(z))


def test_equal_content_gives_equal_bytes_and_nothing_else_beside_it(stored: Path) -> None:
    again = stored.with_name("again.safetensors")
    read = read_generator(stored)
    save_generator(again, read.generator, encoding=read.encoding, recipe=dict(reversed(read.recipe.items())))
    assert again.read_bytes() == stored.read_bytes()
    assert {path.name for path in stored.parent.iterdir()} == {"generator.safetensors", "again.safetensors"}


def test_how_a_network_is_run_is_not_kept(tmp_path: Path) -> None:
    generator, path = small_generator(half=torch.bfloat16), tmp_path / "g.safetensors"
    save_generator(path, generator, encoding=Unlabelled(), recipe={})
    assert read_generator(path).generator.half is None
    assert "half" not in read_card(path)["architecture"]["options"]


def test_an_encoding_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ThrongError, match="encoded as 4 numbers, the generator heeds 3"):
        save_generator(tmp_path / "g.safetensors", small_generator(3), encoding=OneHot(4), recipe={})


class Harmful:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return Path.touch, (self.mark,)


def test_a_pickle_is_refused_without_executing_it(tmp_path: Path) -> None:
    path, mark = tmp_path / "network-snapshot.pkl", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Harmful(mark)))
    with pytest.raises(ThrongError, match="not a readable safetensors file"):
        read_generator(path)
    assert not mark.exists()


def test_files_of_something_else_are_refused(tmp_path: Path, stored: Path) -> None:
    with pytest.raises(ThrongError, match=r"no generator at .*missing"):
        read_generator(tmp_path / "missing.safetensors")
    with pytest.raises(ThrongError, match="holds a generator: expected a discriminator"):
        read_discriminator(stored)
    save_file({"x": torch.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(ThrongError, match="weights of something else"):
        read_generator(tmp_path / "x.safetensors")


def rewritten(path: Path, change: str) -> Path:
    from safetensors import safe_open

    with safe_open(str(path), framework="pt") as handle:
        metadata = handle.metadata()
        tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
    if change == "shape":
        tensors["to_rgb.bias"] = torch.zeros(4)
    elif change == "missing":
        del tensors["to_rgb.bias"]
    elif change == "schema":
        metadata["throng.gan"] = metadata["throng.gan"].replace('"schema": 1', '"schema": 9')
    else:
        metadata["throng.gan"] = metadata["throng.gan"].replace('"cmax": 8', '"cmax": 8, "colour": 1')
    save_file(tensors, path, metadata=metadata)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("shape", r"to_rgb.bias has shape \(4,\), expected \(3,\)"),
        ("missing", r"missing \[.to_rgb.bias.\]"),
        ("schema", "schema 9, this version reads 1"),
        ("option", "no option colour"),
    ],
)
def test_a_file_that_does_not_fit_its_header_is_refused(stored: Path, change: str, message: str) -> None:
    with pytest.raises(ThrongError, match=message):
        read_generator(rewritten(stored, change))
