from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional
from torchvision.models import Inception3

from throng.errors import ThrongError
from throng.gan.metrics.features import load_extractor
from throng.gan.metrics.inception import fid_inception, resize


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    """The tensors of Inception v3 as the published file of 2015 has them, with random numbers."""
    torch.manual_seed(0)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in fid_inception().state_dict().items()}
    tensors = {name: torch.zeros(shape) for name, shape in shapes.items() if not name.endswith("num_batches_tracked")}
    for name, tensor in tensors.items():
        if name.endswith("conv.weight"):
            tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5)
        if name.endswith(("bn.weight", "running_var")):
            tensor.fill_(1)
    return tensors | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}


def test_resize_is_tensorflow_1s() -> None:
    row = torch.tensor([0.0, 10.0, 20.0, 40.0])
    images = row.expand(1, 1, 4, 4)
    # output i looks at i * 4 / 8, aligned at the left, and repeats the last pixel
    expected = torch.tensor([0, 5, 10, 15, 20, 30, 40, 40.0])
    torch.testing.assert_close(resize(images, 8)[0, 0, 3], expected)
    torch.testing.assert_close(resize(images.mT, 8)[0, 0, :, 3], expected)
    torch.testing.assert_close(resize(images, 2)[0, 0, 0], torch.tensor([0.0, 20.0]))
    assert torch.equal(resize(images, 4), images)


def test_inception_of_a_state_dict_gives_2048_numbers(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "inception.safetensors"
    save_file(weights, path)
    extractor = load_extractor("inception", path)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.uint8)
    features = extractor(pixels)
    assert features.shape == (1, 2048) == (1, extractor.dim)
    # weights are random: no file of them is the published one
    assert not extractor.comparable
    assert "6726825d" in extractor.note
    np.testing.assert_allclose(features, _by_hooks(weights, pixels), rtol=1e-3, atol=1e-5)


def _by_hooks(weights: dict[str, torch.Tensor], pixels: np.ndarray) -> np.ndarray:
    """The same features by torchvision's own network, its pooled branches corrected from outside."""
    network = Inception3(num_classes=1008, aux_logits=False, init_weights=False)
    network.load_state_dict(weights, strict=False)
    network.fc = torch.nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]

    def without_padding(module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> torch.Tensor:
        side = inputs[0].shape[-1]
        counts = functional.conv2d(torch.ones(1, 1, side, side), torch.ones(1, 1, 3, 3), padding=1)
        return inputs[0] * 9 / counts

    for name, block in network.named_children():
        if name.startswith("Mixed") and hasattr(block, "branch_pool") and name != "Mixed_7c":
            block.branch_pool.register_forward_pre_hook(without_padding)
    seen = []
    network.Mixed_7c.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    network.Mixed_7c.branch_pool.register_forward_pre_hook(
        lambda module, inputs: functional.max_pool2d(seen[-1], 3, stride=1, padding=1)
    )
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        return network.eval()((resize(images, 299) - 128) / 128).numpy()


def test_weights_of_another_training_or_network_are_refused(tmp_path: Path, weights: dict[str, torch.Tensor]) -> None:
    path = tmp_path / "weights.pth"
    small = {name: tensor for name, tensor in weights.items() if name.startswith("Conv2d_1a")}
    for changed, sentence in (
        (small | {"AuxLogits.conv0.conv.weight": torch.zeros(1)}, "FID is defined by those of 2015"),
        (small | {"fc.weight": torch.zeros(1000, 2048)}, "FID is defined by those of 2015"),
        (small | {"Conv2d_1a_3x3.conv.weight": torch.zeros(1)}, "expected a state dict of the Inception of 2015"),
    ):
        torch.save(changed, path)
        with pytest.raises(ThrongError, match=sentence):
            load_extractor("inception", path)
    path.write_bytes(b"no pickle")
    with pytest.raises(ThrongError, match="cannot be read as a state dict"):
        load_extractor("inception", path)
