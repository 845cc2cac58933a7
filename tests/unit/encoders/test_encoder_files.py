import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import throng.counting
from throng.counting.registry import save_counter
from throng.encoders.files import CARD, kind_of, read_network, save_network
from throng.encoders.registry import build_encoder
from throng.errors import ThrongError


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return build_encoder("small", width=2)


def saved(path, encoder, **changes):
    head = {"weight": torch.arange(12.0), "bias": torch.zeros(1, dtype=torch.float64)}
    given = {"kind": "ranker", "head": head, "head_card": {"pooling": "mean"}, "recipe": {"steps": 3}} | changes
    save_network(path, encoder, **given)
    return path


def rewritten(path, change_card=None, change_tensors=None):
    with safe_open(str(path), framework="pt") as handle:
        card = json.loads(handle.metadata()[CARD])
    tensors = load_file(path)
    if change_card:
        change_card(card)
    if change_tensors:
        change_tensors(tensors)
    save_file(tensors, path, metadata={CARD: json.dumps(card)})
    return path


def test_what_is_written_is_read(tmp_path, encoder):
    stored = read_network(saved(tmp_path / "ranker.safetensors", encoder.train()))
    assert (stored.kind, stored.head_card, stored.recipe) == ("ranker", {"pooling": "mean"}, {"steps": 3})
    assert stored.head["bias"].dtype == torch.float64
    assert stored.head["weight"].tolist() == list(range(12))
    assert not stored.encoder.training
    assert stored.encoder.architecture == {"name": "small", "options": {"width": 2}}
    picture = torch.randint(0, 256, (1, 3, 40, 40), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(stored.encoder(picture), encoder.eval()(picture))


def test_statistics_and_options_of_batch_norm_are_kept(tmp_path):
    torch.manual_seed(0)
    encoder = build_encoder("resnet18", frozen_norm=True)
    encoder.network.bn1.running_mean.fill_(3.0)
    save_network(tmp_path / "n.safetensors", encoder, kind="counting", recipe={})
    stored = read_network(tmp_path / "n.safetensors")
    assert stored.head == stored.head_card == {}
    assert stored.encoder.frozen_norm
    assert stored.encoder.network.bn1.running_mean.eq(3).all()


def test_the_kind_is_told_by_the_header_and_of_no_other_file(tmp_path, encoder):
    path = saved(tmp_path / "ranker.safetensors", encoder)
    assert kind_of(path) == "ranker"
    assert kind_of(rewritten(path, change_card=lambda card: card.pop("kind"))) is None
    assert kind_of(tmp_path / "absent.safetensors") is None


def test_equal_content_gives_equal_bytes(tmp_path, encoder):
    first = saved(tmp_path / "a.safetensors", encoder, recipe={"a": 1, "b": 2})
    stored = read_network(first)
    head = dict(reversed(stored.head.items()))
    second = saved(tmp_path / "b.safetensors", stored.encoder, head=head, recipe={"b": 2, "a": 1})
    assert first.read_bytes() == second.read_bytes()


def test_reading_leaves_random_numbers_alone(tmp_path, encoder):
    path = saved(tmp_path / "a.safetensors", encoder)
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    read_network(path)
    assert torch.equal(torch.rand(3), expected)


def test_a_head_may_share_the_encoder_s_memory(tmp_path, encoder):
    view = encoder.network.conv1.weight.flatten()[:5]
    stored = read_network(saved(tmp_path / "a.safetensors", encoder, head={"weight": view}))
    assert torch.equal(stored.head["weight"], view)


def test_an_unknown_kind_is_not_written(tmp_path, encoder):
    with pytest.raises(ThrongError, match="no network file is of kind 'probe'; known: ranker, counting, fitted"):
        saved(tmp_path / "a.safetensors", encoder, kind="probe")
    assert not list(tmp_path.iterdir())


def test_another_kind_is_refused_where_one_is_asked_for(tmp_path, encoder):
    path = saved(tmp_path / "a.safetensors", encoder, kind="fitted")
    assert read_network(path, kinds=["ranker", "fitted"]).kind == "fitted"
    with pytest.raises(ThrongError, match="holds a fitted counter of fit_counts: expected a ranker of pretrain_rank"):
        read_network(path, kinds=["ranker"])


def test_a_counter_is_refused_by_what_it_is(tmp_path):
    save_counter(tmp_path / "counter.safetensors", throng.counting.build("compact"), {})
    with pytest.raises(ThrongError, match=r"counter.safetensors holds a counter of train_counter: expected a ranker"):
        read_network(tmp_path / "counter.safetensors")


def test_foreign_and_missing_files_are_refused(tmp_path):
    with pytest.raises(ThrongError, match=r"no network at .*gone"):
        read_network(tmp_path / "gone.safetensors")
    (tmp_path / "text.safetensors").write_text("no tensors")
    with pytest.raises(ThrongError, match=r"text.safetensors is not a readable safetensors file"):
        read_network(tmp_path / "text.safetensors")
    save_file({"weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ThrongError, match="holds weights of something else"):
        read_network(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("card", "tensors", "message"),
    [
        (lambda card: card.update(schema=9), None, "has network schema 9, this version reads 1"),
        (
            None,
            lambda tensors: tensors.pop("encoder.conv2.bias"),
            r"another network than its header says: missing \['conv2.bias'\]",
        ),
        (
            None,
            lambda tensors: tensors.update({"encoder.conv2.bias": torch.zeros(5)}),
            r"conv2.bias has shape \(5,\), expected \(4,\)",
        ),
    ],
    ids=["schema", "missing", "shape"],
)
def test_a_file_that_contradicts_itself_is_refused(tmp_path, encoder, card, tensors, message):
    path = rewritten(saved(tmp_path / "a.safetensors", encoder), card, tensors)
    with pytest.raises(ThrongError, match=message):
        read_network(path)
