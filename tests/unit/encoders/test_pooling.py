import torch

from throng.encoders.pooling import mean_features, sum_features


def test_sums_of_the_parts_are_the_sum_of_the_whole():
    features = torch.randint(0, 100, (2, 3, 4, 6)).float()
    left, right = features[..., :2], features[..., 2:]
    assert torch.equal(sum_features(left) + sum_features(right), sum_features(features))


def test_a_sum_over_the_reference_s_cells_is_its_mean():
    features = torch.rand(2, 3, 4, 6)
    assert torch.allclose(sum_features(features, reference_cells=24), mean_features(features))
    assert mean_features(features).shape == (2, 3)
