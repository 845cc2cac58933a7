import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from throng.counting.inputs import InputSpec
from throng.counting.network import multiply_accumulates, parameter_count
from throng.counting.registry import build, load_counter, load_hdf5, save_counter
from throng.errors import ThrongError

# One behind every convolution but the last: 4 + 3 x 7 in the encoder (4 x 7 where its head reduces), 7 in the
# decoder (8 where that ends in a 5x5).
SANET_NORMS = {"sanet-paper": 25 + 7, "sanet-author": 25 + 7, "sanet-keras": 28 + 8}


@pytest.mark.parametrize(
    ("name", "in_channels", "options", "count"),
    [
        ("sanet-paper", 3, {}, 914_801),
        ("sanet-paper", 3, {"norm": False}, 913_697),
        # The norms' 1,104 gains and offsets each are all that affine adds.
        ("sanet-paper", 3, {"affine": False}, 912_593),
        ("sanet-author", 3, {}, 1_388_721),
        ("sanet-author", 1, {}, 1_386_033),
        ("sanet-keras", 3, {}, 1_432_769),
        ("mcnn", 1, {}, 127_953),
        ("compact", 3, {}, 759_673),
        ("slim", 3, {}, 900_946),
    ],
)
def test_parameter_counts(name, in_channels, options, count):
    assert parameter_count(build(name, in_channels, **options)) == count


def test_gmac_of_sanet_paper_at_part_b_size():
    # Linear in the area from a multiple of 8 on, so a 1/16 picture gives 1/16 of the published 63.8 GMAC.
    assert multiply_accumulates(build("sanet-paper"), 192, 256) * 16 / 1e9 == pytest.approx(63.8, abs=0.05)


@settings(max_examples=8, deadline=None)
@given(st.sampled_from(["compact", "mcnn", "sanet-paper", "slim"]), st.integers(1, 45), st.integers(1, 45))
def test_any_size_gives_a_non_negative_map_at_the_stride(name, height, width):
    model = build(name).eval()
    density = model(torch.randn(1, 3, height, width))
    assert density.shape == (1, 1, -(-height // model.stride), -(-width // model.stride))
    assert density.min() >= 0


@pytest.mark.parametrize("last", ["relu", "softplus", "linear"])
@pytest.mark.parametrize("name", ["compact", "mcnn", "sanet-paper", "slim"])
def test_the_first_map_holds_the_wanted_density_and_every_cell_has_a_gradient(name, last):
    torch.manual_seed(0)
    model = build(name, last_activation=last)
    model.set_initial_density(3e-3)
    density = model(torch.randn(1, 3, 32, 40))
    assert density.mean().item() == pytest.approx(3e-3, rel=0.3)
    density.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    assert (density > 0).float().mean() > 0.9


def test_norm_after_activation_and_published_initialisation_are_options():
    torch.manual_seed(0)
    model = build("sanet-paper", order="conv-act-norm", init="gaussian")
    kinds = [type(m).__name__ for m in model.network[0][0].branches[0]]
    assert kinds == ["Conv2d", "ReLU", "InstanceNorm2d"]
    assert model.network[1][0][0].weight.std().item() == pytest.approx(0.01, rel=0.02)


@pytest.mark.parametrize("name", ["sanet-paper", "sanet-author", "sanet-keras"])
@pytest.mark.parametrize("order", ["conv-norm-act", "conv-act-norm"])
def test_every_sanet_keeps_the_size_in_grey_and_colour_with_the_norm_before_or_after_the_activation(name, order):
    for channels, norm in ((1, True), (3, True), (3, False)):
        model = build(name, channels, order=order, norm=norm).eval()
        assert model(torch.randn(1, channels, 16, 24)).shape == (1, 1, 16, 24)
        assert sum(isinstance(module, nn.InstanceNorm2d) for module in model.modules()) == (norm and SANET_NORMS[name])


@pytest.mark.parametrize("name", ["compact", "slim", "mcnn", "sanet-paper", "gaunet-mcnn"])
def test_bf16_gives_the_same_map_in_float32(name):
    torch.manual_seed(0)
    model = build(name).eval()
    model.set_initial_density(0.01)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = model(image)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, model(image), atol=3e-4, rtol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slim", "sanet-paper", "gaunet-mcnn"])
def test_a_compiler_takes_a_counter_whole(name):
    torch.manual_seed(0)
    model = build(name).eval()
    image = torch.randn(1, 3, 64, 64)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(image), model(image))
    torch._dynamo.reset()


@pytest.mark.parametrize("form", ["counter", "counter.safetensors"])
def test_a_saved_counter_loads_as_it_was(tmp_path, form):
    torch.manual_seed(1)
    model = build("sanet-author", 1, last_activation="softplus", target_scale=7.0).eval()
    model.input_spec = InputSpec(channels=1, mean=3.0, std=2.0, image_scale=0.5)
    recipe = {"options": {"seed": 3}, "best_step": 12}
    save_counter(tmp_path / form, model, recipe)
    again, read = load_counter(tmp_path / form)
    image = torch.randn(1, 1, 24, 16)
    assert torch.equal(again(image), model(image))
    assert (read, again.input_spec, again.training) == (recipe, model.input_spec, False)
    first = next(p for p in sorted(tmp_path.rglob("*.safetensors"))).read_bytes()
    save_counter(tmp_path / form, again, read)
    assert next(p for p in sorted(tmp_path.rglob("*.safetensors"))).read_bytes() == first


def test_wrong_weights_and_names_are_refused(tmp_path):
    import h5py

    with pytest.raises(ThrongError, match="known: compact, csrnet"):
        build("sanet")
    with pytest.raises(ThrongError, match="no option norm; known: init, last_activation, target_scale"):
        build("mcnn", norm=True)
    with pytest.raises(ThrongError, match="no counter at"):
        load_counter(tmp_path / "absent")
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    with pytest.raises(ThrongError, match="not a readable safetensors"):
        load_counter(tmp_path / "junk.safetensors")
    model = build("mcnn", 1)
    with h5py.File(tmp_path / "rgb.h5", "w") as archive:
        for name, tensor in build("mcnn", 3).network.state_dict().items():
            archive[f"DME.{name}"] = tensor.numpy()
    with pytest.raises(ThrongError, match=r"branch1\.0\.conv\.weight has shape \(16, 3, 9, 9\)"):
        load_hdf5(model, tmp_path / "rgb.h5")
    with h5py.File(tmp_path / "other.h5", "w") as archive:
        archive["features.weight"] = np.zeros(3)
    with pytest.raises(ThrongError, match="another network"):
        load_hdf5(model, tmp_path / "other.h5")


def test_hdf5_weights_load_by_name_and_set_the_published_input(tmp_path):
    import h5py

    torch.manual_seed(0)
    source, model = build("mcnn", 1, target_scale=1.0).eval(), build("mcnn", 1).eval()
    with h5py.File(tmp_path / "w.h5", "w") as archive:
        for name, tensor in source.network.state_dict().items():
            archive[f"DME.{name}"] = tensor.numpy()
    load_hdf5(model, tmp_path / "w.h5")
    pixels = torch.rand(1, 1, 16, 16) * 255
    assert torch.equal(model(pixels), source(pixels))
    assert model.input_spec == InputSpec(channels=1, mean=0.0, std=1.0)
    save_counter(tmp_path / "again", model, {})
    assert torch.equal(load_counter(tmp_path / "again")[0](pixels), model(pixels))


def test_grey_is_bt601_and_points_follow_the_resize():
    spec = InputSpec(channels=1, image_scale=0.5)
    grey = spec.normalise(torch.tensor([255.0, 0.0, 100.0]).view(1, 3, 1, 1))
    assert grey.item() == pytest.approx(0.299 * 255 + 0.114 * 100, abs=1e-4)
    image = np.zeros((40, 60, 3), np.uint8)
    image[20:22, 30:32] = 255
    half = spec.scaled(image)
    assert half.shape == (20, 30, 3)
    assert np.unravel_index(half[..., 0].argmax(), (20, 30)) == (10, 15)
    moved = spec.scaled_points(np.array([[30.5, 20.5]]), (40, 60))
    assert moved.tolist() == [[15.0, 10.0]]
