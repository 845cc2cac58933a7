"""Backbones against torchvision's own networks: equal names and features; then through the stage, as a job has them."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet50
from torchvision.models.vgg import VGG, cfgs, make_layers

from tests.unit.counting.test_rows import photograph, tables
from throng.counting.registry import build, load_counter
from throng.errors import ThrongError
from throng.files import sha256_file
from throng.images import encode_png
from throng.sections.train_counter import Trained
from throng.stage import Context, Files
from throng.stages import train_counter

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vgg16():
    """torchvision's VGG-16 without its classifier, which alone has 120 million parameters."""
    torch.manual_seed(0)
    model = VGG(make_layers(cfgs["D"]), init_weights=False)
    model.classifier = torch.nn.Identity()
    return model.eval()


@pytest.fixture(scope="module")
def residual():
    """torchvision's ResNet-50 with running statistics as training leaves them."""
    torch.manual_seed(0)
    model = resnet50(weights=None)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


@pytest.mark.parametrize("name", ["csrnet", "gaunet-csrnet"])
def test_a_csrnet_sees_what_torchvisions_vgg16_sees(name, vgg16, tmp_path):
    path = tmp_path / "vgg16.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in vgg16.state_dict().items()}, path)
    network = build(name, weights=str(path)).eval().network
    image = torch.randn(1, 3, 64, 48)
    torch.testing.assert_close(network.features(image), vgg16.features[:23](image))


@pytest.mark.parametrize("name", ["resnet50", "gaunet-resnet50"])
def test_a_resnet_counter_sees_what_torchvisions_resnet50_sees(name, residual, tmp_path):
    path = tmp_path / "resnet50.pth"
    torch.save(residual.state_dict(), path)
    if name == "gaunet-resnet50":
        own = build(name, weights=str(path)).eval().network.backbone
        depth = 6  # the third stage has Gaussian layers
    else:
        own = build(name, weights=str(path)).eval().network.backbone
        depth = 7
    theirs = [residual.conv1, residual.bn1, residual.relu, residual.maxpool, residual.layer1, residual.layer2]
    features = torch.randn(1, 3, 64, 48)
    expected = torch.nn.Sequential(*theirs)(features)
    torch.testing.assert_close(own[:6](features), expected)
    if depth == 7:
        first = residual.layer3[0]
        first.conv2.stride = first.downsample[0].stride = (1, 1)
        torch.testing.assert_close(own(features), residual.layer3(expected))
        first.conv2.stride = first.downsample[0].stride = (2, 2)


def test_vgg16_with_batch_norm_is_refused_by_what_it_lacks(tmp_path):
    model = make_layers(cfgs["D"], batch_norm=True)
    torch.save({f"features.{key}": tensor for key, tensor in model.state_dict().items()}, tmp_path / "bn.pth")
    with pytest.raises(ThrongError, match=r"no tensor features\.2\.weight: expected VGG-16 without batch norm"):
        build("csrnet", weights=str(tmp_path / "bn.pth"))


def test_a_job_trains_from_the_backbone_that_its_rule_hands_it_and_records_which(vgg16, tmp_path):
    rng = np.random.default_rng(0)
    for name in "av":
        (tmp_path / f"{name}.png").write_bytes(encode_png(rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)))
    found = tables(tmp_path, [photograph("a"), photograph("v", "val")])
    backbone = tmp_path / "vgg16.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in vgg16.state_dict().items()}, backbone)
    counter = Trained(
        name="vgg", model="csrnet", weights="vgg16.safetensors", data={"synthetic": 0.0}, crop=(32, 32),
        image_scale=1.0, batch_size=1, steps=1, val_every=1, warmup_steps=0, learning_rate=1e-9, weight_decay=0.0,
    )  # fmt: skip
    names = {"weights": "counter.safetensors", "recipe": "counter.json", "history": "history.jsonl"}
    outputs = Files({name: [str(tmp_path / file)] for name, file in names.items()})
    inputs = {"images": [str(found.images)], "backbone": [str(backbone)]}
    roots = {"source": tmp_path, "results": tmp_path / "results"}
    context = Context("train_counter", 7, 1, {"counter": "vgg", "run": "seed-1"}, roots, {}, "c0de", {})
    train_counter.run(Files(inputs), outputs, counter, context)
    model, recipe = load_counter(tmp_path / "counter.safetensors")
    # A step of 1e-9 leaves the backbone where its file had it.
    image = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(model.network.features(image), vgg16.features[:23](image), atol=1e-4, rtol=1e-4)
    assert recipe["backbone_sha256"] == sha256_file(backbone)
    assert json.loads((tmp_path / "counter.json").read_text())["recipe"]["backbone_sha256"] == sha256_file(backbone)
    wrong = counter.model_copy(update={"model": "mcnn"})
    with pytest.raises(ThrongError, match="'mcnn' has no ImageNet backbone to load: leave weights out, or choose"):
        train_counter.run(Files(inputs), outputs, wrong, context)
