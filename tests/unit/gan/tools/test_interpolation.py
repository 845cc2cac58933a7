"""Paths through latents: closed, smooth, through every keyframe, and around the labels."""

import pytest
import torch

from throng.gan.tools.interpolation import along_labels, periodic


def test_a_path_goes_through_its_keyframes_and_closes() -> None:
    keys = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    path = periodic(keys, 50)
    torch.testing.assert_close(path[::10], keys)
    twice = periodic(torch.cat([keys, keys]), 100)
    torch.testing.assert_close(twice[:50], path)
    torch.testing.assert_close(twice[50:], path)
    # As smooth where it closes as anywhere else.
    second = (torch.roll(path, -1, 0) - 2 * path + torch.roll(path, 1, 0)).flatten(1).norm(dim=1)
    jumps = (second - torch.roll(second, 1)).abs()
    assert jumps[[0, 1, 49]].max() <= jumps.max()
    torch.testing.assert_close(periodic(torch.roll(keys, 2, 0), 50), torch.roll(path, 20, 0))


def test_a_sampled_circle_stays_a_circle() -> None:
    angle = torch.arange(16, dtype=torch.float64) * 2 * torch.pi / 16
    circle = periodic(torch.stack([angle.cos(), angle.sin()], 1), 320)
    assert circle.norm(dim=1).sub(1).abs().max() < 1e-3


def test_one_key_stays() -> None:
    assert periodic(torch.ones(1, 2), 3).tolist() == [[1, 1]] * 3


def test_labels_go_once_around() -> None:
    paths = torch.arange(3.0)[:, None, None].expand(3, 30, 1)
    path = along_labels(paths)[:, 0]
    assert path[[0, 10, 20]].tolist() == [0, 1, 2]
    assert path[5].item() == pytest.approx(0.5)
    assert path[25].item() == pytest.approx(1.0)
    assert torch.equal(along_labels(paths[:1]), paths[0])
