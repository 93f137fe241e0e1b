"""The reference's AdaMML, written a second time: plain functions of its state dict.

Nothing of adamml is imported, so that what both agree on is not one mistake made once. Keys and
shapes are those of tests/golden; test_reference_check.py holds this against its outputs, too.
"""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

State = Mapping[str, Tensor]
CHANNELS = {"rgb": 3, "flow": 10, "rgbdiff": 15, "sound": 1}
LAYERS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
MOBILE = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks and stride of each stage of MobileNetV2."""


class Block(NamedTuple):
    """An inverted residual."""

    number: int
    before: int
    hidden: int
    after: int
    stride: int
    pools: bool
    """Whether the policy's takes the maximum over frames before it."""


def mobile_blocks() -> Iterator[Block]:
    number, before = 1, 32
    for expansion, after, repeats, stride in MOBILE:
        for repeat in range(repeats):
            first = repeat == 0
            pools = first and after in (64, 160)
            yield Block(number, before, before * expansion, after, stride if first else 1, pools)
            number, before = number + 1, after


def block_layers(block: Block, *, nested: bool) -> list[tuple[str, str]]:
    """Names of each convolution and its batch norm; the depthwise is the last but one."""
    if nested:
        last = 1 if block.number == 1 else 2
        inner = [(f"conv.{i}.0", f"conv.{i}.1") for i in range(last)]
        return [*inner, (f"conv.{last}", f"conv.{last + 1}")]
    count = 2 if block.number == 1 else 3
    return [(f"conv.{3 * i}", f"conv.{3 * i + 1}") for i in range(count)]


# Shapes of the state dict


def reference_shapes(
    recognition: list[str], policy: list[str], depth: int, classes: int, fusion: str = "weighted"
) -> dict[str, list[int]]:
    m, shapes = len(recognition), {}
    for i, modality in enumerate(policy):
        net = mobile_shapes(CHANNELS[modality], nested=False)
        shapes |= {f"policy_net.joint_net.nets.{i}.{k}": v for k, v in net.items()}
    joint = {"joint_net.joint.0": (2048, 1280 * m), "joint_net.joint.2": (2048, 2048)}
    for name, (rows, columns) in (joint | {f"fcs.{i}": (2, 256) for i in range(m)}).items():
        shapes |= linear(f"policy_net.{name}", rows, columns)
    shapes["policy_net.lstm.weight_ih"] = [1024, 2048 + 2 * m]
    shapes["policy_net.lstm.weight_hh"] = [1024, 256]
    shapes |= {f"policy_net.lstm.bias_{x}h": [1024] for x in "ih"}
    if fusion != "average":
        shapes["main_net.lf_weights"] = [m - 1] if fusion == "weighted" else [m - 1, classes]
    for i, modality in enumerate(recognition):
        if modality == "sound":
            net = mobile_shapes(1, nested=True) | linear("classifier.1", classes, 1280)
        else:
            net = resnet_shapes(CHANNELS[modality], depth, classes)
        shapes |= {f"main_net.nets.{i}.{k}": v for k, v in net.items()}
    return shapes


def resnet_shapes(channels: int, depth: int, classes: int) -> dict[str, list[int]]:
    shapes, before = convolution("conv1", "bn1", 64, channels, 7), 64
    for layer, (blocks, width) in enumerate(zip(LAYERS[depth], (64, 128, 256, 512), strict=True)):
        after = width * 4 if depth >= 50 else width
        for number in range(blocks):
            name = f"layer{layer + 1}.{number}."
            kernels = (1, 3, 1) if depth >= 50 else (3, 3)
            widths = (before, *[width] * (len(kernels) - 1), after)
            for i, kernel in enumerate(kernels):
                shapes |= convolution(
                    f"{name}conv{i + 1}", f"{name}bn{i + 1}", widths[i + 1], widths[i], kernel
                )
            if number == 0 and (before != after or layer > 0):
                names = (f"{name}downsample.0", f"{name}downsample.1")
                shapes |= convolution(*names, after, before, 1)
            before = after
    return shapes | linear("fc", classes, before)


def mobile_shapes(channels: int, *, nested: bool) -> dict[str, list[int]]:
    shapes = convolution("features.0.0", "features.0.1", 32, channels, 3)
    for block in mobile_blocks():
        names = block_layers(block, nested=nested)
        widen, depthwise = (block.hidden, block.before, 1), (block.hidden, 1, 3)
        sizes = [widen, depthwise, (block.after, block.hidden, 1)]
        for (conv, norm), (after, before, kernel) in zip(names, sizes[-len(names) :], strict=True):
            at = f"features.{block.number}."
            shapes |= convolution(at + conv, at + norm, after, before, kernel)
    last = ("features.18.0", "features.18.1") if nested else ("conv.0", "conv.1")
    return shapes | convolution(*last, 1280, 320, 1)


def convolution(conv: str, norm: str, after: int, before: int, kernel: int) -> dict[str, list[int]]:
    names = ("weight", "bias", "running_mean", "running_var")
    norms = {f"{norm}.{name}": [after] for name in names}
    counted = {f"{norm}.num_batches_tracked": []}
    return {f"{conv}.weight": [after, before, kernel, kernel]} | norms | counted


def linear(name: str, rows: int, columns: int) -> dict[str, list[int]]:
    return {f"{name}.weight": [rows, columns], f"{name}.bias": [rows]}


# The rule for weights and inputs (tests/golden/README.md)


def normal(name: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)


def weight(key: str, shape: list[int]) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    z = normal(key, tuple(shape))
    if key.endswith("running_var"):
        value = np.exp(0.1 * z)
    elif key.endswith("running_mean") or key.endswith("bias") or ".bias_" in key:
        value = 0.1 * z
    elif key.endswith("lf_weights"):
        value = 1 / (shape[0] + 1) + 0.05 * z
    elif len(shape) == 1:
        value = 1 + 0.1 * z
    else:
        value = z * np.sqrt(2 / np.prod(shape[1:]))
    return torch.tensor(value, dtype=torch.float32)


def clips(case: dict[str, Any], modality: str) -> Tensor:
    """[N, S, F, C, H, W]."""
    n, s, p = case["num_videos"], case["num_segments"], case["pixels"]
    name, f, c = f"input/{modality}/{case['seed']}", case["frames_per_segment"], CHANNELS[modality]
    if modality == "sound":
        return torch.tensor(normal(name, (n, s, 256, 256))).float().reshape(n, s, 1, 1, 256, 256)
    return torch.tensor(normal(name, (n, s * f * c, p, p))).float().reshape(n, s, f, c, p, p)


# Networks: maps are [B * F, C, H, W], the frames of a segment beside each other


def convolve(
    x: Tensor, state: State, conv: str, norm: str, stride: int = 1, groups: int = 1
) -> Tensor:
    kernel = state[f"{conv}.weight"]
    x = F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2, groups=groups)
    named = [state[f"{norm}.{x}"] for x in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *named, eps=1e-5)


def pool_frames(x: Tensor, frames: int) -> tuple[Tensor, int]:
    x = x.unflatten(0, (-1, frames)).transpose(1, 2)
    x = F.max_pool3d(x, kernel_size=(3, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0))
    return x.transpose(1, 2).flatten(0, 1), x.shape[2]


def average(x: Tensor, frames: int) -> Tensor:
    return x.mean((2, 3)).unflatten(0, (-1, frames)).mean(1)


def resnet(state: State, segments: Tensor, depth: int) -> Tensor:
    """[B, F, C, H, W] -> logits [B, K]."""
    x, frames = segments.flatten(0, 1), segments.shape[1]
    x = F.max_pool2d(convolve(x, state, "conv1", "bn1", 2).relu(), 3, 2, 1)
    for layer, blocks in enumerate(LAYERS[depth]):
        if layer > 0:
            x, frames = pool_frames(x, frames)
        for number in range(blocks):
            stride = 2 if layer > 0 and number == 0 else 1
            x = residual(x, state, f"layer{layer + 1}.{number}.", stride, depth)
    return F.linear(average(x, frames), state["fc.weight"], state["fc.bias"])


def residual(x: Tensor, state: State, at: str, stride: int, depth: int) -> Tensor:
    strides = (1, stride, 1) if depth >= 50 else (stride, 1)
    y = x
    for i, step in enumerate(strides):
        y = convolve(y, state, f"{at}conv{i + 1}", f"{at}bn{i + 1}", step)
        y = y if i + 1 == len(strides) else y.relu()
    if f"{at}downsample.0.weight" in state:
        x = convolve(x, state, f"{at}downsample.0", f"{at}downsample.1", stride)
    return (x + y).relu()


def mobile_features(state: State, segments: Tensor, *, nested: bool) -> Tensor:
    """[B, F, C, H, W] -> [B, 1280]."""
    x, frames = segments.flatten(0, 1), segments.shape[1]
    x = F.relu6(convolve(x, state, "features.0.0", "features.0.1", 2))
    for block in mobile_blocks():
        if block.pools:
            x, frames = pool_frames(x, frames)
        names = block_layers(block, nested=nested)
        y = x
        for i, (conv, norm) in enumerate(names):
            at, depthwise = f"features.{block.number}.", i == len(names) - 2
            stride, groups = (block.stride, block.hidden) if depthwise else (1, 1)
            y = convolve(y, state, at + conv, at + norm, stride, groups)
            y = y if i + 1 == len(names) else F.relu6(y)
        x = x + y if block.stride == 1 and block.before == block.after else y
    last = ("features.18.0", "features.18.1") if nested else ("conv.0", "conv.1")
    return average(F.relu6(convolve(x, state, *last)), frames)


def part(state: State, prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def policy_logits(state: State, inputs: list[Tensor]) -> Tensor:
    """Inputs [N, S, F, C, H, W] by modality -> [N, S, M, 2]."""
    features = []
    for i, x in enumerate(inputs):
        if x.shape[3] > 1:
            x = x[:, :, 0::2]
            small = F.interpolate(x.flatten(0, 2), (160, 160), mode="bilinear", align_corners=False)
            x = small.unflatten(0, x.shape[:3])
        net = part(state, f"policy_net.joint_net.nets.{i}.")
        vectors = mobile_features(net, x.flatten(0, 1), nested=False)
        features.append(vectors.unflatten(0, x.shape[:2]))
    joint = torch.cat(features, dim=-1)
    for layer in (0, 2):
        at = f"policy_net.joint_net.joint.{layer}."
        joint = F.linear(joint, state[f"{at}weight"], state[f"{at}bias"]).relu()
    lstm, n = part(state, "policy_net.lstm."), len(joint)
    hidden, cell = torch.zeros(n, 256), torch.zeros(n, 256)
    logits, steps = torch.zeros(n, len(inputs), 2), []
    for x in joint.unbind(1):
        seen = torch.cat([x, logits.flatten(1)], dim=1)
        gates = F.linear(seen, lstm["weight_ih"], lstm["bias_ih"])
        gates = gates + F.linear(hidden, lstm["weight_hh"], lstm["bias_hh"])
        enter, forget, new, leave = gates.chunk(4, dim=1)
        cell = forget.sigmoid() * cell + enter.sigmoid() * new.tanh()
        hidden = leave.sigmoid() * cell.tanh()
        heads = [part(state, f"policy_net.fcs.{i}.") for i in range(len(inputs))]
        logits = torch.stack([F.linear(hidden, h["weight"], h["bias"]) for h in heads], dim=1)
        steps.append(logits)
    return torch.stack(steps, dim=1)


def fused(state: State, logits: Tensor, decisions: Tensor) -> Tensor:
    """[N, S, M, K] and [N, S, M] -> [N, S, K]."""
    masked, free = logits * decisions[..., None], state.get("main_net.lf_weights")
    if free is None:
        return masked.mean(2)
    weights = torch.cat([free, 1 - free.sum(0, keepdim=True)])
    return (masked * weights.reshape(len(weights), -1)).sum(2)


# Cases


@torch.no_grad()
def expected(case: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What the file has under "expected" and, of the losses, under "loss"; not rounded."""
    state = {k.removeprefix("module."): weight(k, shape) for k, shape in case["state_dict"].items()}
    inputs = {m: clips(case, m) for m in case["modality"]}
    unimodal = []
    for i, modality in enumerate(case["recognition_modalities"]):
        net, x = part(state, f"main_net.nets.{i}."), inputs[modality]
        if modality == "sound":
            head = part(net, "classifier.1.")
            features = mobile_features(net, x.flatten(0, 1), nested=True)
            said = F.linear(features, head["weight"], head["bias"])
        else:
            said = resnet(net, x.flatten(0, 1), case["depth"])
        unimodal.append(said.unflatten(0, x.shape[:2]))
    logits, decisions = torch.stack(unimodal, dim=2), torch.tensor(case["decisions"])
    segments = fused(state, logits, decisions)
    outputs = {
        "policy_logits": policy_logits(state, [inputs[m] for m in case["policy_modalities"]]),
        "unimodal_segment_logits": torch.stack(unimodal),
        "segment_logits": segments,
        "video_logits": segments.mean(1),
        "video_logits_all_on": fused(state, logits, torch.ones_like(decisions)).mean(1),
    }
    return outputs, losses(case, outputs["video_logits"] / 20, decisions)


def losses(case: dict[str, Any], logits: Tensor, decisions: Tensor) -> dict[str, Tensor]:
    targets, loss = torch.tensor(case["targets"]), case["loss"]
    correct = (logits.argmax(1) == targets).float()
    used = torch.stack([(c * d.mean(0) ** 2) for c, d in zip(correct, decisions, strict=True)])
    return {
        "cross_entropy": -logits.log_softmax(1)[range(len(targets)), targets].mean(),
        "usage": sum(w * u for w, u in zip(loss["lambdas"], used.mean(0), strict=True)),
        "wrong": loss["gamma"] * (1 - correct).mean(),
    }


def make_case(
    recognition: str,
    policy: str | None = None,
    *,
    depth: int = 18,
    classes: int = 7,
    frames: int = 4,
    videos: int = 1,
    segments: int = 2,
    pixels: int = 32,
    fusion: str = "weighted",
    prefix: str = "",
) -> dict[str, Any]:
    """A case in the format of tests/golden; modalities in the reference's words, e.g. rgb+sound."""
    ours, seen = recognition.split("+"), (policy or recognition).split("+")
    shapes = reference_shapes(ours, seen, depth, classes, fusion)
    draws = np.random.default_rng(7)
    case: dict[str, Any] = {
        "name": f"{recognition}, policy {policy or recognition}, resnet{depth}",
        "modality": list(dict.fromkeys(ours + seen)),
        "recognition_modalities": ours,
        "policy_modalities": seen,
        "depth": depth,
        "num_classes": classes,
        "frames_per_segment": frames,
        "num_videos": videos,
        "num_segments": segments,
        "pixels": pixels,
        "seed": 3,
        "state_dict": {prefix + key: shape for key, shape in shapes.items()},
        "decisions": draws.integers(0, 2, (videos, segments, len(ours))).astype(float).tolist(),
        "targets": [0] * videos,
        "loss": {"lambdas": [0.5, 0.05, 0.8, 1.0][: len(ours)], "gamma": 10.0},
    }
    case["decisions"][0][0] = [1.0] * len(ours)
    with torch.no_grad():
        outputs, _ = expected(case)
        case["targets"][0] = int(outputs["video_logits"][0].argmax())  # right, so that usage counts
        parts = losses(case, outputs["video_logits"] / 20, torch.tensor(case["decisions"]))
    case["expected"] = {k: rounded(v) for k, v in outputs.items()}
    case["loss"] |= {k: rounded(v) for k, v in parts.items()}
    return case


def rounded(values: Tensor) -> Any:
    return values.double().round(decimals=6).tolist()


def largest_relative(ours: Tensor, expected: Any) -> float:
    want = torch.tensor(expected)
    assert ours.shape == want.shape
    return float((ours - want).abs().max() / want.abs().max())
