"""Run by test_layers_fused.py in a process where Triton interprets: holds the fused kernel against the eager layer."""

import pytest
import torch

from throng.counting.layers import GauConv2d, fused
from throng.errors import ThrongError

CASES = [
    ((3, 5), 2, (2, 4, 5), {"sigma": 0.3}),
    ((18, 2), 1, (1, 3, 4), {}),
    ((2, 17), 1, (1, 5, 4), {"stride": 2, "sigma": 0.3}),
]


def pair(in_channels, out_channels, units, **options):
    torch.manual_seed(0)
    eager = GauConv2d(in_channels, out_channels, units, sigma_trainable=True, **options)
    with torch.no_grad():
        eager.mu1.uniform_(-3.9, 3.9)
        eager.mu2.uniform_(-3.9, 3.9)
        eager.bias.normal_()
    layer = GauConv2d(in_channels, out_channels, units, sigma_trainable=True, backend="triton", **options)
    layer.load_state_dict(eager.state_dict())
    return eager, layer


def check_forward_and_backward(channels, units, shape, options):
    eager, layer = pair(*channels, units, **options)
    image = torch.randn(shape[0], channels[0], *shape[1:])
    images = [image.clone().requires_grad_() for _ in range(2)]
    responses = [layer(i) for layer, i in zip((eager, layer), images, strict=True)]
    torch.testing.assert_close(responses[1], responses[0], atol=1e-5, rtol=1e-5)
    target = torch.randn_like(responses[0])
    for response in responses:
        (response * target).sum().backward()
    torch.testing.assert_close(images[1].grad, images[0].grad, atol=1e-5, rtol=1e-4)
    for (name, one), (_, other) in zip(eager.named_parameters(), layer.named_parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, atol=1e-4, rtol=1e-4, msg=name)


def check_repeated_gradients_are_equal_and_types_kept():
    _, layer = pair(1, 2, 1, sigma=0.3)
    image = torch.randn(1, 1, 3, 4)
    grads = []
    for _ in range(2):
        layer.zero_grad()
        layer(image).square().sum().backward()
        grads.append([p.grad.clone() for p in layer.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*grads, strict=True))
    assert layer(image.to(torch.bfloat16)).dtype == torch.bfloat16
    with pytest.raises(ThrongError, match="float32"):
        layer.double()(image.double())


if __name__ == "__main__":
    fused.SPLITS = 1  # so that one program runs over several chunks of pixels
    for case in CASES:
        check_forward_and_backward(*case)
    check_repeated_gradients_are_equal_and_types_kept()
    print("agreed")
