"""Backbones with weights from files and from ImageNet, on files made from random networks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adamml.config import BackboneConfig, Config, override
from adamml.models.backbones import Backbone, build_backbone
from adamml.models.weights import check_weights, fetch_weights, load_pretrained
from adamml.recipes import tiny
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models import get_model, get_model_weights

FIELD = "recognition.rgb.weights"
SMALL = ("resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0")
LARGE = ("resnet34", "resnet50", "resnet101", "efficientnet_b1", "efficientnet_b2")
NAMES = [*SMALL, *(pytest.param(n, marks=pytest.mark.slow) for n in (*LARGE, "efficientnet_b3"))]

Written = tuple[nn.Module, Path]


def _trained(name: str, **options: float) -> nn.Module:
    """A torchvision network whose every tensor says something, batch statistics included."""
    torch.manual_seed(1)
    net = get_model(name, weights=None, **options).eval()
    for key, tensor in net.state_dict().items():
        if key.endswith(("running_mean", "running_var")):
            tensor.uniform_(0.5, 1.5)
    return net


def _write(net: nn.Module, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".safetensors":
        save_file(net.state_dict(), path)
    else:
        torch.save(net.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Written]:
    """Return a function: name -> a network and its .pth."""
    folder, made = tmp_path_factory.mktemp("weights"), {}

    def write(name: str) -> Written:
        if name not in made:
            net = _trained(name)
            made[name] = net, _write(net, folder / f"{name}.pth")
        return made[name]

    return write


def _features(net: nn.Module, images: Tensor) -> Tensor:
    """Return the features that torchvision's network gives to its classifier."""
    if hasattr(net, "features"):
        return net.features(images).mean(dim=(2, 3))
    classifier, net.fc = net.fc, nn.Identity()
    features = net(images)
    net.fc = classifier
    return features


def _loaded(name: str, weights: Path | str, channels: int = 3) -> Backbone:
    config = BackboneConfig(name=name, weights=str(weights))
    backbone = build_backbone(config, channels).eval()
    load_pretrained(backbone, config, FIELD)
    return backbone


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_one_frame_gives_torchvisions_features(name: str, written) -> None:
    net, path = written(name)
    images = torch.randn(2, 3, 64, 64)
    ours, theirs = _loaded(name, path)(images[:, None]), _features(net, images)
    assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()


@torch.no_grad()
def test_safetensors_are_read_too(tmp_path: Path) -> None:
    net = _trained("mobilenet_v3_small")
    backbone = _loaded("mobilenet_v3_small", _write(net, tmp_path / "w.safetensors"))
    images = torch.randn(2, 3, 32, 32)
    assert torch.allclose(backbone(images[:, None]), _features(net, images), atol=1e-5)


def test_a_width_has_files_of_its_own(tmp_path: Path) -> None:
    path = _write(_trained("mobilenet_v2", width_mult=0.25), tmp_path / "w.pth")
    config = BackboneConfig(name="mobilenet_v2", multiplier=0.25, weights=str(path))
    load_pretrained(build_backbone(config, 3), config, FIELD)
    with pytest.raises(ValueError, match=r"of another shape: blocks\.0\.0\.weight is"):
        _loaded("mobilenet_v2", path)


@pytest.mark.parametrize(
    ("name", "channels"), [("resnet18", 10), ("mobilenet_v3_small", 1), ("mobilenet_v3_small", 15)]
)
@torch.no_grad()
def test_other_channels_get_the_mean_kernel_as_it_is(name: str, channels: int, written) -> None:
    path = written(name)[1]
    three, many = (next(_loaded(name, path, c).parameters()) for c in (3, channels))
    assert many.shape[1] == channels
    for channel in range(channels):
        assert torch.allclose(many[:, channel], three.mean(dim=1), atol=1e-6)


def test_kernels_for_the_backbones_channels_are_taken_as_they_are(tmp_path: Path) -> None:
    source = build_backbone(BackboneConfig(name="conv3", width=4), 10)
    loaded = BackboneConfig(
        name="conv3", width=4, weights=str(_write(source, tmp_path / "w.safetensors"))
    )
    backbone = build_backbone(loaded, 10)
    load_pretrained(backbone, loaded, FIELD)
    assert torch.equal(next(backbone.parameters()), next(source.parameters()))


def test_no_weights_leave_a_backbone_as_it_is() -> None:
    backbone = build_backbone(BackboneConfig(name="conv3"), 3)
    before = next(backbone.parameters()).clone()
    load_pretrained(backbone, BackboneConfig(name="conv3"), FIELD)
    assert torch.equal(next(backbone.parameters()), before)


def test_weights_of_another_backbone_are_named(written) -> None:
    message = r"must be weights of resnet34, got .*pth: missing: layer1\.2\.conv1\.weight, .* more$"
    with pytest.raises(ValueError, match=message):
        _loaded("resnet34", written("resnet18")[1])
    with pytest.raises(ValueError, match=r"unexpected: conv1\.weight, "):
        _loaded("mobilenet_v2", written("resnet18")[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("features.0.1.bias"), r"missing: blocks\.0\.1\.bias$"),
        (lambda state: state.update(head=torch.ones(1)), "unexpected: head$"),
        (
            lambda state: state.update({"features.0.1.bias": torch.ones(3)}),
            r"of another shape: blocks\.0\.1\.bias is \[3\], not \[16\]$",
        ),
    ],
)
def test_a_single_difference_is_an_error(change, message: str, tmp_path: Path, written) -> None:
    state = dict(written("mobilenet_v3_small")[0].state_dict())
    change(state)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ValueError, match=message):
        _loaded("mobilenet_v3_small", tmp_path / "w.pth")


@pytest.fixture
def config() -> Config:
    return tiny(("rgb", "flow"))


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without weights on a machine whose way out is closed."""
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_without_a_network_the_error_says_where_to_put_which_file(offline: Path) -> None:
    with pytest.raises(OSError, match="could not be downloaded") as error:
        _loaded("resnet18", "imagenet")
    message = str(error.value)
    url = "https://download.pytorch.org/models/resnet18-f37072fd.pth"
    assert (
        f"{FIELD}=imagenet: the weights of resnet18 could not be downloaded from {url}" in message
    )
    assert f"put that file into {offline / 'weights'}" in message
    assert f"{FIELD}=FILE" in message
    assert "\n" not in message
    assert not [p for p in (offline / "weights").iterdir() if not p.name.endswith(".lock")]


@torch.no_grad()
def test_imagenet_weights_in_the_home_need_no_network(offline: Path) -> None:
    net = _trained("mobilenet_v3_small")
    url = get_model_weights("mobilenet_v3_small")["IMAGENET1K_V1"].url
    _write(net, offline / "weights" / url.rpartition("/")[2])
    backbone = _loaded("mobilenet_v3_small", "imagenet", channels=1)
    assert torch.equal(backbone.blocks[12][0].weight, net.features[12][0].weight)


@pytest.mark.parametrize("name", ["conv3", "resnet10"])
def test_some_backbones_have_no_imagenet_weights(name: str, config: Config) -> None:
    message = f'{FIELD} must be "" or a file for {name}, which has no ImageNet weights'
    with pytest.raises(ValueError, match=message):
        _loaded(name, "imagenet")
    changes = {"recognition.rgb.name": name, FIELD: "imagenet"}
    with pytest.raises(ValueError, match=message):
        check_weights(override(config, changes))


def test_other_widths_have_no_imagenet_weights(config: Config) -> None:
    wide = BackboneConfig(name="mobilenet_v2", multiplier=1.4, weights="imagenet")
    policy = replace(config.policy, backbones={**config.policy.backbones, "flow": wide})
    with pytest.raises(ValueError, match=r"policy.backbones.flow.weights .* multiplier 1.4 "):
        check_weights(replace(config, policy=policy))


def test_a_config_is_checked_without_a_download(config: Config, offline: Path, written) -> None:
    resnet = {"recognition.rgb.name": "resnet18", FIELD: "imagenet"}
    flow = {
        "recognition.flow.name": "resnet18",
        "recognition.flow.weights": str(written("resnet18")[1]),
    }
    check_weights(override(config, resnet | flow))
    with pytest.raises(OSError, match="could not be downloaded"):
        fetch_weights(override(config, resnet | flow))
    fetch_weights(override(config, flow))


@pytest.mark.parametrize("field", [FIELD, "policy.backbones.flow.weights"])
def test_a_config_with_a_file_that_does_not_fit_is_refused(
    field: str, config: Config, written
) -> None:
    path = written("resnet18")[1]
    with pytest.raises(ValueError, match=f"{field} must be weights of conv3, got {path}: missing"):
        check_weights(override(config, {field: str(path)}))
