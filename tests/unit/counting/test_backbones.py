import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

import throng.counting
from throng.counting.backbones import ImageNetInput, imagenet_input, resnet50_stem, vgg16_front
from throng.counting.layers import GauConv2d
from throng.counting.network import multiply_accumulates, parameter_count
from throng.counting.options import CounterOptions
from throng.counting.registry import build, load_counter, save_counter
from throng.counting.samples import Sample
from throng.counting.train import train_counter
from throng.errors import ThrongError

NEW = ["csrnet", "resnet50", "gaunet-mcnn", "gaunet-csrnet", "gaunet-sanet", "gaunet-resnet50"]
LOWRANK = {"mode": "lowrank", "low_rank": {"basis": "gaussian", "positions": "constant"}}


def gaussian(pairs, units):
    return sum(units * f * c + 2 * units + f for c, f in pairs)


def convolution(pairs):
    return sum(9 * f * c + f for c, f in pairs)


VGG = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512), (512, 512), (512, 512)]
BACK = [(512, 512), (512, 512), (512, 512), (512, 256), (256, 128), (128, 64)]
AGAIN = [(64, 512), *BACK[1:]]


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("csrnet", {}, 16_263_489),
        # torchvision's ResNet-50 has 25,557,032: 14,964,736 in its fourth stage, 2,049,000 in its last layer.
        ("resnet50", {}, 25_557_032 - 14_964_736 - 2_049_000 + 1024 * 128 + 128 + 128 + 1),
        (
            "gaunet-csrnet",
            {},
            convolution(VGG) + gaussian(BACK, 2) + gaussian(AGAIN, 4) + gaussian(AGAIN, 8) + gaussian([(64, 1)], 8),
        ),
        ("gaunet-resnet50", {}, 8_674_625 - 6 * 9 * 256 * 256 + 6 * (4 * 256 * 256 + 8)),
        (
            "gaunet-mcnn",
            {},
            gaussian([(3, 16), (16, 32), (3, 20), (20, 40), (3, 24), (24, 48), (30, 1)], 16)
            + gaussian([(32, 16), (16, 8)], 2)
            + gaussian([(40, 20), (20, 10)], 4)
            + gaussian([(48, 24), (24, 12)], 8),
        ),
    ],
)
def test_parameter_counts(name, options, count):
    assert parameter_count(build(name, **options)) == count


def test_every_convolution_of_sanet_and_only_those_become_gaussian_in_its_gaunet():
    plain, model = build("sanet-paper"), build("gaunet-sanet")
    kinds = [type(m) for m in model.modules()]
    assert kinds.count(GauConv2d) == sum(isinstance(m, nn.Conv2d) for m in plain.modules())
    assert nn.Conv2d not in kinds
    assert kinds.count(nn.ConvTranspose2d) == 3


def test_units_of_each_layer_are_the_published_ones():
    def units(name):
        return {key: m.units for key, m in build(name).network.named_modules() if isinstance(m, GauConv2d)}

    mcnn = units("gaunet-mcnn")
    assert [mcnn[f"branch2.{i}.conv"] for i in (0, 2, 4, 5)] == [16, 16, 4, 4]
    assert [mcnn[f"branch{b}.5.conv"] for b in (1, 2, 3)] == [2, 4, 8]
    assert mcnn["fuse.0.conv"] == 16
    csrnet = units("gaunet-csrnet")
    assert list(csrnet.values()) == [2] * 6 + [4] * 6 + [8] * 6 + [8]
    assert list(units("gaunet-resnet50")) == [f"backbone.layer3.{i}.conv2" for i in range(6)]


@settings(max_examples=6, deadline=None)
@given(st.sampled_from(NEW), st.integers(1, 45), st.integers(1, 45), st.sampled_from([1, 3]))
def test_any_size_grey_or_rgb_gives_a_non_negative_map_at_the_stride(name, height, width, channels):
    model = throng.counting.build(name, channels).eval()
    density = model(torch.randn(1, channels, height, width))
    assert density.shape == (1, 1, -(-height // model.stride), -(-width // model.stride))
    assert density.min() >= 0


@pytest.mark.parametrize("name", NEW)
def test_the_first_map_holds_the_wanted_density_and_every_parameter_learns(name):
    torch.manual_seed(0)
    model = build(name)
    model.set_initial_density(3e-3)
    density = model(torch.randn(2, 3, 48, 64))
    assert density.mean().item() == pytest.approx(3e-3, rel=0.3)
    density.square().sum().backward()
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, key
            assert torch.isfinite(parameter.grad).all(), key
    assert (density > 0).float().mean() > 0.9


def test_a_low_rank_gaunet_saves_and_loads_as_it_was(tmp_path):
    torch.manual_seed(0)
    model = build("gaunet-mcnn", 1, **LOWRANK).eval()
    save_counter(tmp_path / "counter", model, {})
    image = torch.randn(1, 1, 24, 16)
    assert torch.equal(load_counter(tmp_path / "counter")[0](image), model(image))


@pytest.mark.parametrize("options", [{}, LOWRANK], ids=str)
def test_a_gaunet_trains_from_points_like_every_counter(tmp_path, options):
    rng = np.random.default_rng(0)
    samples = [Sample(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8), rng.uniform(2, 38, (6, 2))) for _ in range(4)]
    settings = CounterOptions(
        model="gaunet-mcnn", model_options=options, crop=(32, 32), batch_size=2, steps=3, val_every=3, log_every=1,
        sigma=2.0, warmup_steps=1, ema_decay=0.9,
    )  # fmt: skip
    model, recipe, history = train_counter(samples[1:], samples[:1], settings, tmp_path)
    assert recipe["best_step"] == 3
    assert all(math.isfinite(row["loss"]) for row in history if "loss" in row)
    start = build("gaunet-mcnn", **options).network.get_submodule("branch1.0.conv").mu1
    assert not torch.equal(model.network.get_submodule("branch1.0.conv").mu1, start)


@pytest.mark.parametrize(
    ("name", "part", "prefix", "source", "suffix"),
    [
        ("csrnet", "features", "features.", vgg16_front, ".pth"),
        ("gaunet-csrnet", "features", "features.", vgg16_front, ".safetensors"),
        ("resnet50", "backbone", "", resnet50_stem, ".safetensors"),
    ],
)
def test_backbone_weights_come_from_a_file_and_the_counter_does_not_need_it_again(
    tmp_path, name, part, prefix, source, suffix
):
    torch.manual_seed(3)
    published = source()
    state = {prefix + key: tensor.clone() for key, tensor in published.state_dict().items()}
    state["fc.weight"] = torch.zeros(2, 2)
    path = tmp_path / f"backbone{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    model = build(name, weights=str(path))
    for key, tensor in published.state_dict().items():
        assert torch.equal(model.network.get_submodule(part).state_dict()[key], tensor), key
    save_counter(tmp_path / "counter", model, {})
    path.unlink()
    again, _ = load_counter(tmp_path / "counter")
    assert "weights" not in again.architecture["options"]
    assert torch.equal(again.state_dict()["network.output.weight"], model.state_dict()["network.output.weight"])


def test_backbones_are_named_as_the_published_state_dicts_name_them():
    indices = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21)
    assert [key for key in vgg16_front().state_dict() if key.endswith("weight")] == [f"{i}.weight" for i in indices]
    names = set(resnet50_stem().state_dict())
    assert {"conv1.weight", "bn1.running_var", "layer1.0.downsample.0.weight", "layer3.5.bn3.bias"} <= names
    assert "layer1.1.downsample.0.weight" not in names
    assert sum(key.endswith("conv2.weight") for key in names) == 3 + 4 + 6


def test_backbones_see_pixels_as_imagenet_weights_expect_them():
    pixels = torch.tensor([0.0, 128.0, 255.0]).view(1, 3, 1, 1)
    seen = ImageNetInput()(imagenet_input(3).normalise(pixels)).flatten()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(seen, (pixels.flatten() / 255 - mean) / std)
    assert ImageNetInput()(torch.zeros(2, 1, 4, 5)).shape == (2, 3, 4, 5)


def test_wrong_backbone_files_are_refused(tmp_path):
    with pytest.raises(ThrongError, match="no backbone weights at"):
        build("csrnet", weights=str(tmp_path / "absent.pth"))
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(ThrongError, match="cannot be read as a state dict"):
        build("csrnet", weights=str(tmp_path / "junk.pth"))
    (tmp_path / "junk.safetensors").write_bytes(b"junk")
    with pytest.raises(ThrongError, match="cannot be read as a state dict"):
        build("resnet50", weights=str(tmp_path / "junk.safetensors"))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ThrongError, match="holds no state dict"):
        build("csrnet", weights=str(tmp_path / "list.pth"))
    torch.save({"features.0.weight": torch.zeros(2, 3, 3, 3)}, tmp_path / "other.pth")
    with pytest.raises(ThrongError, match=r"features\.0\.weight has shape \(2, 3, 3, 3\)"):
        build("csrnet", weights=str(tmp_path / "other.pth"))
    with pytest.raises(ThrongError, match=r"no tensor conv1\.weight"):
        build("resnet50", weights=str(tmp_path / "other.pth"))
    with pytest.raises(ThrongError, match="no ImageNet backbone to load: leave weights out, or choose csrnet, gau"):
        build("gaunet-mcnn", weights="vgg.pth")


def test_gmac_counts_gaussian_layers_by_their_own_formula_and_leaves_the_model_alone():
    model = build("gaunet-sanet")
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    layers = dict(model.network.named_modules())
    head = layers["0.0.branches.3.0"]
    assert multiply_accumulates(model, 32, 40) > head.multiply_accumulates(32, 40) > 0
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
    assert throng.counting.describe(build("sanet-paper")) == (
        "sanet-paper: 914,801 parameters, stride 1, 63.8 GMAC at 768x1024"
    )


def test_importing_the_room_is_cheap():
    scripts = Path(sys.modules["throng"].__file__).parents[1]
    code = f"import sys; sys.path.insert(0, {str(scripts)!r}); import throng.counting; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
