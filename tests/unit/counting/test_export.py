import json

import numpy as np
import pytest
import torch
from torch import nn

from throng.counting.export import METADATA, export_counter, load_exported
from throng.counting.fast import SETTINGS, chosen, computes_bf16, fast_counter
from throng.counting.freezing import frozen
from throng.counting.inference import predict_count
from throng.counting.layers import DAUConv2d, GauConv2d, LowRank
from throng.counting.layers.frozen import frozen_layer
from throng.counting.registry import FAMILIES, build
from throng.errors import ThrongError

NAMES = sorted(name for names in FAMILIES.values() for name in names)
QUICK = ("compact", "mcnn")
SLOW = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NAMES]


def lively(name, channels=3, **options):
    """A counter whose batch norms have seen something, so that folding them in changes the weights."""
    torch.manual_seed(0)
    model = build(name, channels, **options)
    for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.running_mean.normal_(0, 0.3)
        norm.running_var.uniform_(0.5, 2)
        nn.init.uniform_(norm.weight, 0.5, 1)
        nn.init.normal_(norm.bias, 0, 0.3)
    return model.eval()


def pixels(height, width, channels=3):
    shape = (height, width, channels) if channels == 3 else (height, width)
    return np.random.default_rng(height).integers(0, 256, shape, dtype=np.uint8)


def test_every_name_is_tried():
    assert set(QUICK) <= set(NAMES)


@pytest.mark.parametrize("name", SLOW)
def test_a_frozen_and_an_exported_counter_count_the_same_at_any_size(name, tmp_path):
    model = lively(name)
    export_counter(model, tmp_path / "counter.onnx")
    exported, _ = load_exported(tmp_path / "counter.onnx")
    for size in ((45, 66), (64, 48)):
        image = pixels(*size)
        count, density = predict_count(model, image)
        assert count > 0
        for other in (frozen(model), exported):
            again, theirs = predict_count(other, image)
            assert again == pytest.approx(count, rel=1e-4)
            np.testing.assert_allclose(theirs, density, atol=1e-4 * density.max())


def test_an_exported_file_takes_batches_and_images_smaller_than_its_multiple(tmp_path):
    import onnxruntime

    model = lively("compact", last_activation="softplus")
    export_counter(model, tmp_path / "counter.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "counter.onnx"), providers=["CPUExecutionProvider"])
    images = np.stack([pixels(5, 21), pixels(5, 21)]).transpose(0, 3, 1, 2).astype(np.float32)
    (density,) = session.run(None, {"image": images})
    assert density.shape == (2, 1, 1, 3)
    assert density.sum() / 2 == pytest.approx(predict_count(model, pixels(5, 21))[0], rel=1e-4)


def test_a_grey_counter_takes_luma(tmp_path):
    model = lively("mcnn", 1)
    export_counter(model, tmp_path / "counter.onnx")
    exported, _ = load_exported(tmp_path / "counter.onnx")
    image = pixels(45, 66, 1)
    assert predict_count(exported, image)[0] == pytest.approx(predict_count(model, image)[0], rel=1e-4)


def test_the_metadata_says_what_a_caller_needs_and_equal_counters_give_equal_bytes(tmp_path):
    import onnx

    recipe = {"interval": {"level": 0.9, "quantile": 1.5, "images": 40}, "counter": "small", "options": {"lr": 1}}
    model = lively("mcnn")
    for name in ("a.onnx", "b.onnx"):
        export_counter(model, tmp_path / name, recipe)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    (entry,) = onnx.load(tmp_path / "a.onnx").metadata_props
    card = json.loads(entry.value)
    assert entry.key == METADATA
    assert (card["architecture"]["name"], card["stride"], card["image_scale"]) == ("mcnn", 4, 1.0)
    assert card["recipe"]["interval"] == recipe["interval"]
    assert load_exported(tmp_path / "a.onnx")[1]["counter"] == "small"


def test_what_is_no_exported_counter_is_refused(tmp_path):
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    with pytest.raises(ThrongError, match="cannot be read as an ONNX"):
        load_exported(tmp_path / "junk.onnx")
    with pytest.raises(ThrongError, match="no exported counter"):
        load_exported(tmp_path / "gone.onnx")
    with pytest.raises(ThrongError, match=r"ends in \.onnx"):
        export_counter(lively("mcnn"), tmp_path / "counter.pt")
    torch.onnx.export(
        nn.ReLU(), (torch.zeros(1),), tmp_path / "foreign.onnx", dynamo=False, input_names=["x"], output_names=["y"]
    )
    with pytest.raises(ThrongError, match="not written by throng"):
        load_exported(tmp_path / "foreign.onnx")


@pytest.mark.parametrize(
    "layer",
    [
        GauConv2d(3, 8, 4),
        GauConv2d(8, 3, 4, bias=False),
        GauConv2d(3, 3, 2, stride=2),
        GauConv2d(3, 4, 4, mode="dense"),
        GauConv2d(3, 4, 4, means="separate"),
        GauConv2d(3, 4, 4, interpolation="bilinear"),
        GauConv2d(3, 4, 4, means="separate", interpolation="bilinear"),
        GauConv2d(3, 4, 4, mode="lowrank", low_rank=LowRank(positions="grid")),
        GauConv2d(3, 4, 2, mode="lowrank", low_rank=LowRank(positions="features", basis="gaussian"), stride=2),
        DAUConv2d(3, 4),
    ],
    ids=lambda layer: layer.extra_repr(),
)
def test_a_frozen_layer_of_displaced_gaussians_is_the_layer_and_exports(layer, tmp_path):
    from throng.counting.export import to_onnx

    torch.manual_seed(0)
    nn.init.uniform_(layer.mu1, -4, 4)
    nn.init.uniform_(layer.mu2, -4, 4)
    features = torch.randn(2, layer.in_channels, 23, 17)
    with torch.no_grad():
        expected = layer.eval()(features)
        found = frozen_layer(layer)(features)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    import onnxruntime

    sizes = {"x": {0: "b", 2: "h", 3: "w"}, "y": {0: "b", 2: "i", 3: "j"}}
    made = to_onnx(frozen_layer(layer), torch.randn(1, layer.in_channels, 12, 15), "x", "y", sizes)
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    (there,) = session.run(None, {"x": features.numpy()})
    np.testing.assert_allclose(there, expected.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("setting", ["eager", "folded", "channels-last", "openvino"])
def test_every_setting_counts_what_eager_counts_and_says_its_name(setting, caplog):
    model = lively("compact")
    with caplog.at_level("INFO"):
        fast, name = fast_counter(model, "cpu", setting)
    assert name == setting
    assert f"setting {setting}" in caplog.text
    for size in ((45, 66), (64, 48)):
        assert predict_count(fast, pixels(*size))[0] == pytest.approx(predict_count(model, pixels(*size))[0], rel=1e-4)


def test_the_model_itself_is_left_as_it_was():
    model = lively("compact").train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fast_counter(model, "cpu", "channels-last")
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_setting_that_cannot_run_is_refused_and_nothing_takes_its_place():
    model = lively("mcnn")
    with pytest.raises(ThrongError, match="must be one of eager"):
        fast_counter(model, "cpu", "turbo")
    with pytest.raises(ThrongError, match="runs on a CPU"):
        fast_counter(model, "cuda", "openvino")
    if not computes_bf16("cpu"):
        with pytest.raises(ThrongError, match="needs bfloat16"):
            fast_counter(model, "cpu", "bf16")


def test_every_choice_is_a_setting_with_a_reason():
    for name in NAMES:
        choice = chosen(build(name) if name in QUICK else _named(name))
        assert choice.setting in SETTINGS
        assert choice.reason


def _named(name):
    model = build("mcnn")
    model.architecture = {"name": name}
    return model
