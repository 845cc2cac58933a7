import pytest
import torch

from throng.counting.learning_to_count import networks
from throng.counting.learning_to_count.networks import counting_network, load_counting, save_counting
from throng.encoders.files import save_network
from throng.errors import ThrongError


@pytest.fixture
def few_hidden(monkeypatch):
    monkeypatch.setattr(networks, "HIDDEN", 8)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("tile", [128, 114])
def test_alexnet_is_that_of_the_paper(tile):
    with torch.device("meta"):
        network = counting_network("alexnet", (tile, tile), units=1000, head="connected")
        assert network(torch.empty(2, 3, tile, tile)).shape == (2, 1000)
    assert parameters(network) == 34_066_792
    assert network.head.layers[0].in_features == 2304
    assert network.units == 1000


@pytest.mark.parametrize(("encoder", "head"), [("small", "sum"), ("alexnet", "connected")])
def test_counts_are_not_negative_and_some_are_above_zero(encoder, head, few_hidden):
    torch.manual_seed(0)
    network = counting_network(encoder, (48, 48), units=16, head=head).eval()
    counts = network(torch.randint(0, 256, (2, 3, 48, 48)).byte())
    assert counts.shape == (2, 16) and counts.dtype == torch.float32
    assert (counts >= 0).all() and (counts > 0).any()


def test_a_residual_network_adds_up_over_the_picture():
    """A summing head gives a tile one quarter of what a mean would, so that four tiles can make the whole."""
    network = counting_network("resnet18", (64, 64), units=4)
    features = torch.rand(1, network.encoder.features, 4, 6)
    halves = network.head(features[..., :3]) + network.head(features[..., 3:])
    torch.testing.assert_close(network.head(features), halves)
    assert network.head.reference_cells == 4.0


def test_a_file_holds_encoder_and_head_and_equal_networks_equal_bytes(tmp_path, few_hidden):
    pixels = torch.randint(0, 256, (2, 3, 48, 48)).byte()
    for head in ("sum", "connected"):
        network = counting_network("small", (48, 48), units=5, head=head, options={"width": 2}).eval()
        save_counting(tmp_path / head, network, {"steps": 3})
        again = load_counting(tmp_path / head)
        assert torch.equal(again(pixels), network(pixels)) and not again.training
        save_counting(tmp_path / "again", again, {"steps": 3})
        assert (tmp_path / "again").read_bytes() == (tmp_path / head).read_bytes()


def test_what_is_no_counting_network_is_refused(tmp_path):
    network = counting_network("small", (48, 48), units=5, options={"width": 2})
    save_network(tmp_path / "ranker", network.encoder, kind="ranker", recipe={})
    with pytest.raises(ThrongError, match="expected a network of pretrain_count"):
        load_counting(tmp_path / "ranker")
    card = {"name": "sum", "units": 6, "reference_cells": 9.0}
    head = network.head.state_dict()
    save_network(tmp_path / "odd", network.encoder, kind="counting", head=head, head_card=card, recipe={})
    with pytest.raises(ThrongError, match="its head is another than its header says"):
        load_counting(tmp_path / "odd")


def test_pictures_that_a_connected_head_cannot_take_are_refused(few_hidden):
    with pytest.raises(ThrongError, match="pools 3x3 cells, but tiles of 32x48 pixels give the encoder 2x3"):
        counting_network("small", (32, 48), units=5, head="connected")
    network = counting_network("small", (48, 48), units=5, head="connected", options={"width": 2})
    with pytest.raises(ThrongError, match="counts in pictures of 48x48 pixels alone"):
        network(torch.zeros(1, 3, 96, 96))
