import copy
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import ConvNeXt_Tiny_Weights, ResNet18_Weights, ResNet50_Weights, VGG16_Weights, get_model

from throng.encoders.alexnet import SameConv2d, SameMaxPool2d
from throng.encoders.registry import NAMES, build_encoder, options_of
from throng.errors import ThrongError


def pixels(*shape, seed=0):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def encoders():
    torch.manual_seed(1)
    return {name: build_encoder(name).eval() for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_any_size_gives_features_of_the_promised_shape(encoders, name):
    encoder = encoders[name]
    batch = pixels(2, 3, 67, 101)
    found = encoder(batch)
    assert found.shape == (2, encoder.features, -(-67 // encoder.stride), -(-101 // encoder.stride))
    assert found.dtype == torch.float32
    assert found.min() >= 0
    layers = encoder.layers(batch.float())
    assert torch.equal(layers[-1], found)
    assert [len(layer) for layer in layers] == [2] * len(encoder.stages)
    assert torch.allclose(encoder(batch[1:]), found[1:], rtol=1e-4, atol=1e-4 * found.max().item())


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_layers_are_what_each_stage_gave_though_later_ones_work_in_place(encoders, name):
    encoder, given = encoders[name], []
    hooks = [
        encoder.network.get_submodule(stage).register_forward_hook(lambda _, __, output: given.append(output.clone()))
        for stage in encoder.stages
    ]
    layers = encoder.layers(pixels(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    assert len(layers) == len(given) == len(encoder.stages)
    assert all(torch.equal(layer, output) for layer, output in zip(layers, given, strict=True))


@torch.no_grad()
def test_features_are_float32_in_half_precision_too(encoders):
    picture = pixels(1, 3, 64, 64)
    expected = encoders["small"](picture)
    with torch.autocast("cpu", torch.bfloat16):
        found = encoders["small"](picture)
    assert found.dtype == torch.float32
    assert 0 < (found - expected).abs().max() < 0.05 * expected.max()


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_untrained_features_are_alive(encoders, name):
    found = encoders[name](pixels(2, 3, 96, 128))
    assert (found.amax((0, 2, 3)) > 0).float().mean() > 0.8
    assert 0.2 < (found > 0).float().mean() < 0.8


@pytest.mark.parametrize(
    ("name", "published", "weights"),
    [
        ("resnet18", "resnet18", ResNet18_Weights.DEFAULT),
        ("resnet50", "resnet50", ResNet50_Weights.DEFAULT),
        ("vgg16", "vgg16", VGG16_Weights.DEFAULT),
        ("convnext-tiny", "convnext_tiny", ConvNeXt_Tiny_Weights.DEFAULT),
    ],
)
@torch.no_grad()
def test_features_are_those_of_torchvision_s_model_on_its_own_normalisation(encoders, name, published, weights):
    with torch.device("meta"):
        whole = get_model(published).eval()
    trunk = nn.Sequential(*list(whole.children())[:-2]) if "resnet" in name else whole.features
    if name == "vgg16":
        trunk = trunk[:-1]
    trunk = trunk.to_empty(device="cpu")
    own = encoders[name].network.state_dict()
    trunk.load_state_dict(dict(zip(trunk.state_dict(), own.values(), strict=True)))
    preset = weights.transforms()
    mean, std = torch.tensor(preset.mean)[:, None, None], torch.tensor(preset.std)[:, None, None]
    picture = pixels(1, 3, 64, 96)
    expected = trunk((picture / 255 - mean) / std).relu()
    assert torch.allclose(encoders[name](picture), expected, rtol=1e-4, atol=1e-5 * expected.max().item())


@torch.no_grad()
def test_small_sees_what_is_near_alone_in_training_too():
    torch.manual_seed(0)
    encoder = build_encoder("small", width=4).train()
    picture = pixels(2, 3, 128, 256)
    changed = picture.clone()
    changed[0, :, :, :64] = 0
    before, after = encoder(picture), encoder(changed)
    assert torch.equal(before[1], after[1])
    assert torch.equal(before[0, :, :, 8:], after[0, :, :, 8:])
    assert not torch.equal(before[0, :, :, :4], after[0, :, :, :4])


@torch.no_grad()
def test_frozen_norm_keeps_its_statistics_in_training():
    torch.manual_seed(0)
    encoder = build_encoder("resnet18", frozen_norm=True).eval()
    picture = pixels(2, 3, 64, 64)
    before = encoder(picture)
    assert torch.equal(encoder.train()(picture), before)
    assert torch.equal(encoder.eval()(picture), before)
    assert all(parameter.requires_grad for parameter in encoder.parameters())


@torch.no_grad()
def test_batch_norm_that_is_not_frozen_learns_its_statistics():
    torch.manual_seed(0)
    encoder = build_encoder("resnet18").eval()
    picture = pixels(2, 3, 64, 64)
    before = encoder(picture)
    encoder.train()(picture)
    assert not torch.allclose(encoder.eval()(picture), before)


def test_convnext_s_stochastic_depth_is_an_option():
    torch.manual_seed(0)
    picture = pixels(1, 3, 32, 32)
    blocks = {"stochastic_depth": 0.9}
    encoder = build_encoder("convnext-tiny", **blocks).train()
    assert encoder.architecture["options"] == blocks
    with torch.no_grad():
        for scale in [p for n, p in encoder.named_parameters() if n.endswith("layer_scale")]:
            scale.fill_(1.0)
        assert not torch.equal(encoder(picture), encoder(picture))
        encoder.eval()
        assert torch.equal(encoder(picture), encoder(picture))


@pytest.mark.parametrize("side", [114, 128])
@torch.no_grad()
def test_alexnet_s_layers_have_the_sizes_of_learning_to_count(encoders, side):
    layers = encoders["alexnet"].layers(pixels(1, 3, side, side))
    shapes = [tuple(layer.shape[1:]) for layer in layers]
    first, second = -(-side // 4), -(-side // 8)
    expected = [(96, first, first), (256, second, second), (384, 8, 8), (384, 8, 8), (256, 8, 8)]
    assert shapes == expected
    assert nn.functional.max_pool2d(layers[-1], 3, 2).numel() == 2304


def test_alexnet_has_the_parameters_of_learning_to_count(encoders):
    head = sum(inputs * outputs + outputs for inputs, outputs in [(2304, 4096), (4096, 4096), (4096, 1000)])
    assert sum(p.numel() for p in encoders["alexnet"].parameters()) + head == 34_066_792


@pytest.mark.parametrize(("side", "tap"), [(128, 3), (114, 4), (4, 3)])
@torch.no_grad()
def test_same_convolution_pads_the_odd_pixel_after(side, tap):
    # TensorFlow: 7 in all for 128 pixels, 3 before; 9 for 114, 4 before; 7 for 4
    convolution = SameConv2d(1, 1, 11, stride=4, bias=False)
    convolution.weight.zero_()[0, 0, tap, tap] = 1
    picture = torch.rand(1, 1, side, side)
    assert torch.equal(convolution(picture), picture[:, :, ::4, ::4])


@pytest.mark.parametrize(("side", "expected"), [(4, [2, 3]), (5, [1, 3, 4])])
def test_same_pool_starts_where_tensorflow_s_does(side, expected):
    row = torch.arange(side, dtype=torch.float32).expand(1, 1, side, side)
    assert SameMaxPool2d(3, 2)(row)[0, 0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet34", {}, "no encoder is called 'resnet34'; known: small, resnet18"),
        ("small", {"depth": 3}, "encoder 'small' has no option depth; known: width"),
        ("alexnet", {"width": 3}, "has no option width; known: none"),
        ("small", {"width": 0}, "width must be a whole number above 0, not 0"),
        ("small", {"width": True}, "width must be a whole number above 0, not True"),
        ("convnext-tiny", {"stochastic_depth": 1.0}, "must be 0 or more and below 1"),
    ],
)
def test_wrong_names_and_options_are_refused(name, options, message):
    with pytest.raises(ThrongError, match=message):
        build_encoder(name, **options)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 32, 32, 3)])
def test_other_pixels_are_refused(encoders, shape):
    with pytest.raises(ThrongError, match=r"takes \(B, 3, H, W\) RGB pixels, not"):
        encoders["small"](torch.zeros(shape))


def documented(heading):
    """The cells of a table in docs/encoders.md."""
    text = (Path(__file__).parents[3] / "docs" / "encoders.md").read_text()
    lines = text[text.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.split("|")[1:-1]] for line in lines]


def test_the_table_of_encoders_says_what_the_code_is(encoders):
    rows = documented("| name | parameters |")
    assert [row[0] for row in rows] == list(NAMES)
    for name, parameters, features, stride, gmac, *_ in rows:
        encoder = copy.deepcopy(encoders[name]).to("meta")
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            encoder(torch.empty(1, 3, 192, 256, device="meta"))
        found = (sum(p.numel() for p in encoder.parameters()), encoder.features, encoder.stride)
        assert (f"{found[0]:,}", *map(str, found[1:])) == (parameters, features, stride)
        assert f"{counter.get_total_flops() / 2e9:.2f}" == gmac


def test_the_table_of_options_has_every_option():
    found = {(encoder, row[0]): row[2] for row in documented("| option | of |") for encoder in row[1].split(", ")}
    assert found == {(name, key): str(value).lower() for name in NAMES for key, value in options_of(name).items()}
