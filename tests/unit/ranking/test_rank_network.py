"""The rank head and the network: never negative, monotone, additive, alive, and the same from its file."""

import numpy as np
import pytest
import torch

from throng.encoders.files import save_network
from throng.encoders.pooling import sum_features
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError
from throng.ranking.head import RankHead
from throng.ranking.losses import rank_loss
from throng.ranking.network import RankNetwork, load_ranker, save_ranker, score_pictures

SIZE = (32, 48)


def network(seed=0, **options):
    torch.manual_seed(seed)
    encoder = build_encoder("small", width=4)
    return RankNetwork(encoder, RankHead(encoder.features, **options), SIZE)


def pictures(number, size=SIZE, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (number, *size, 3), dtype=np.uint8)


def pixels(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2)


@pytest.mark.parametrize("hidden_layers", [0, 2])
def test_weights_are_never_negative_whatever_step_is_taken(hidden_layers):
    torch.manual_seed(0)
    head = RankHead(6, hidden_layers=hidden_layers, hidden_width=5)
    optimizer = torch.optim.SGD(head.parameters(), lr=1e4)
    for step in range(20):
        pooled = torch.rand(4, 6)
        # even steps ask for less of everything
        loss = head(pooled).sum() * (1 if step % 2 == 0 else -1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for name, tensor in head.tensors().items():
            if name.endswith("weight"):
                assert bool((tensor >= 0).all()), (step, name)


@pytest.mark.parametrize("hidden_layers", [0, 1, 3])
def test_more_of_any_feature_never_lowers_the_score(hidden_layers):
    torch.manual_seed(1)
    head = RankHead(8, hidden_layers=hidden_layers, hidden_width=4)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=3.0)
    pooled = torch.rand(50, 8)
    for feature in range(8):
        more = pooled.clone()
        more[:, feature] += torch.rand(50)
        assert bool((head(more) >= head(pooled) - 1e-5).all())


def test_no_features_score_nothing_and_still_learn():
    head = RankHead(3)
    assert head(torch.zeros(2, 3)).tolist() == [0.0, 0.0]
    pooled = torch.zeros(2, 3, requires_grad=True)
    scores = head(pooled)
    rank_loss(scores[:1], scores[1:]).backward()
    assert bool((pooled.grad[0] < 0).all())


@pytest.mark.parametrize("hidden_layers", [0, 2])
def test_calibrated_leads_have_a_root_mean_square_of_one(hidden_layers):
    torch.manual_seed(0)
    head = RankHead(5, hidden_layers=hidden_layers)
    more, fewer = torch.rand(2, 40, 5) * 1e-3
    head.calibrate((head(more) - head(fewer)).detach())
    assert float((head(more) - head(fewer)).detach().square().mean().sqrt()) == pytest.approx(1, rel=1e-3)
    kept = head.gain.clone()
    head.calibrate(torch.zeros(3))
    assert torch.equal(head.gain, kept)


def test_at_the_size_of_training_features_are_averaged_and_a_mosaic_scores_what_its_parts_do():
    ranker = network()
    seen = pixels(pictures(2))
    features = ranker.encoder(seen)
    assert torch.allclose(ranker(seen), features.mean((2, 3)) @ ranker.head.tensors()["weight"], rtol=1e-4)
    beside = torch.cat([features[0], features[1]], dim=2)[None]
    pooled = sum_features(beside, ranker.reference_cells)
    assert float(ranker.head(pooled)) == pytest.approx(float(ranker(seen).sum()), rel=1e-4)


@pytest.mark.parametrize("hidden_layers", [0, 1])
def test_a_ranker_scores_as_the_network_it_was_saved_from(tmp_path, hidden_layers):
    trained = network(hidden_layers=hidden_layers, hidden_width=3).eval()
    seen = pictures(5)
    save_ranker(tmp_path / "a.safetensors", trained, {"people_per_score": 2.5})
    save_ranker(tmp_path / "b.safetensors", trained, {"people_per_score": 2.5})
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    ranker = load_ranker(tmp_path / "a.safetensors")
    scores = score_pictures(trained, seen, [3, 0, 4], batch=2)
    assert ranker.scores(pixels(seen))[[3, 0, 4]].numpy() == pytest.approx(scores, rel=1e-5)
    assert ranker.score(seen[3]) == pytest.approx(scores[0], rel=1e-5)
    assert (ranker.size, ranker.people_per_score) == (SIZE, 2.5)
    assert not trained.training


def test_a_file_that_is_no_ranker_or_whose_head_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "n.safetensors"
    encoder = network().encoder
    save_network(path, encoder, kind="counting", recipe={})
    with pytest.raises(ThrongError, match=r"n\.safetensors holds a network of pretrain_count: expected a ranker"):
        load_ranker(path)
    card = {"size": list(SIZE)}
    save_network(path, encoder, kind="ranker", head={"weight": torch.ones(3)}, head_card=card, recipe={})
    with pytest.raises(ThrongError, match=r"n\.safetensors: the rank head weighs \(3,\) features, there are 24; train"):
        load_ranker(path)
    save_network(path, encoder, kind="ranker", head={"weight": -torch.ones(24)}, head_card=card, recipe={})
    with pytest.raises(ThrongError, match="negative or not numbers"):
        load_ranker(path)
    save_network(path, encoder, kind="ranker", recipe={}, head_card=card)
    with pytest.raises(ThrongError, match="a rank head holds weight, not nothing"):
        load_ranker(path)
