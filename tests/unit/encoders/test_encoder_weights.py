import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model, resnet18

from throng.encoders.registry import PUBLISHED, build_encoder, load_weights
from throng.errors import ThrongError


@pytest.fixture(scope="module")
def published():
    torch.manual_seed(3)
    return resnet18().state_dict()


@pytest.fixture
def encoder():
    torch.manual_seed(4)
    return build_encoder("resnet18")


def saved(path, tensors):
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_published_weights_come_without_their_classifier(tmp_path, encoder, published, name):
    load_weights(encoder, saved(tmp_path / name, published))
    found = encoder.network.state_dict()
    assert found.keys() == {key for key in published if not key.startswith("fc.")}
    assert all(torch.equal(found[key], published[key]) for key in found)


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_not_the_classifier_s_is_the_encoder_s(name):
    prefix, classifier = PUBLISHED[name]
    with torch.device("meta"):
        published = get_model(name.replace("-", "_")).state_dict()
    own = {prefix + key: tensor.shape for key, tensor in build_encoder(name).network.state_dict().items()}
    assert own == {key: tensor.shape for key, tensor in published.items() if not key.startswith(classifier)}


def test_names_begin_as_torchvision_s_do_where_its_model_has_parts(tmp_path):
    source, target = build_encoder("vgg16"), build_encoder("vgg16")
    named = {f"features.{key}": tensor for key, tensor in source.network.state_dict().items()}
    load_weights(target, saved(tmp_path / "vgg.safetensors", named | {"classifier.0.bias": torch.zeros(3)}))
    assert torch.equal(target.network[28].weight, source.network[28].weight)


def test_files_older_than_the_number_of_batches_load(tmp_path, encoder, published):
    old = {key: tensor for key, tensor in published.items() if not key.endswith("num_batches_tracked")}
    load_weights(encoder, saved(tmp_path / "old.pth", old))
    assert torch.equal(encoder.network.state_dict()["conv1.weight"], published["conv1.weight"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("layer1.0.bn1.bias"), "has no tensor layer1.0.bn1.bias: expected resnet18"),
        (lambda tensors: tensors.update({"layer9.bias": torch.zeros(1)}), "holds a tensor layer9.bias that resnet18"),
        (
            lambda tensors: tensors.update({"conv1.weight": torch.zeros(64, 1, 7, 7)}),
            r"conv1.weight has shape \(64, 1, 7, 7\), resnet18 has \(64, 3, 7, 7\)",
        ),
    ],
    ids=["missing", "foreign", "shape"],
)
def test_another_network_is_refused_by_the_tensor_that_tells(tmp_path, encoder, published, change, message):
    tensors = dict(published)
    change(tensors)
    before = {key: tensor.clone() for key, tensor in encoder.network.state_dict().items()}
    with pytest.raises(ThrongError, match=message):
        load_weights(encoder, saved(tmp_path / "other.safetensors", tensors))
    assert all(torch.equal(tensor, before[key]) for key, tensor in encoder.network.state_dict().items())


def test_nothing_is_published_for_our_own(tmp_path):
    with pytest.raises(ThrongError, match=r"no ImageNet weights are published for encoder 'small'.*resnet18"):
        load_weights(build_encoder("small", width=1), tmp_path / "x.pth")


def test_a_missing_file_is_named(tmp_path, encoder):
    with pytest.raises(ThrongError, match=r"no backbone weights at .*gone.pth"):
        load_weights(encoder, tmp_path / "gone.pth")
