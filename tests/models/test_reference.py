"""Our modules with the reference's weights give the reference's outputs (tests/golden)."""

import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adamml.config import BackboneConfig
from adamml.models.adamml import AdaMML, build_adamml
from adamml.models.policy import PolicyNetwork
from adamml.models.reference import MODALITIES, from_reference
from adamml.recipes import kinetics_sounds
from torch import Tensor

GOLDEN = Path(__file__).parents[1] / "golden" / "rgb_audio_resnet18.json"


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))


def _weight(key: str, shape: list[int]) -> Tensor:
    z = _rng(key).standard_normal(shape)
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    if key.endswith("running_var"):
        z = np.exp(0.1 * z)
    elif key.endswith(("running_mean", "bias")) or ".bias_" in key:
        z = 0.1 * z
    elif key.endswith("lf_weights"):
        z = 1 / (shape[0] + 1) + 0.05 * z
    elif len(shape) == 1:
        z = 1 + 0.1 * z
    else:
        z = z * np.sqrt(2 / np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(z)).float()


def _clips(case: dict, modality: str) -> Tensor:
    n, s, pixels = case["num_videos"], case["num_segments"], case["pixels"]
    rng = _rng(f"input/{modality}/{case['seed']}")
    if modality == "sound":
        return torch.from_numpy(rng.standard_normal((n, s, 256, 256))).float()[:, :, None, None]
    frames = case["frames_per_segment"]
    flat = torch.from_numpy(rng.standard_normal((n, s * frames * 3, pixels, pixels))).float()
    return flat.reshape(n, s, frames, 3, pixels, pixels)


def _relative_error(ours: Tensor, expected: list) -> float:
    want = torch.tensor(expected)
    assert ours.shape == want.shape
    return float((ours - want).abs().max() / want.abs().max())


@pytest.fixture(scope="module")
def case() -> dict:
    return json.loads(GOLDEN.read_text())


@pytest.fixture(scope="module")
def model(case: dict) -> AdaMML:
    config = kinetics_sounds()
    resnet = BackboneConfig(name=f"resnet{case['depth']}")
    config = replace(config, recognition={**config.recognition, "rgb": resnet})
    model = build_adamml(config, case["num_classes"])
    weights = {key: _weight(key, shape) for key, shape in case["state_dict"].items()}
    model.load_state_dict(from_reference(weights, config.modalities))
    return model.eval()


@pytest.fixture(scope="module")
def clips(case: dict) -> dict[str, Tensor]:
    return {MODALITIES.get(m, m): _clips(case, m) for m in case["modality"]}


@torch.no_grad()
def test_policy_logits_equal_the_reference(case, model, clips) -> None:
    assert isinstance(model.policy, PolicyNetwork)
    logits = model.policy.logits(model.policy_clips(clips))
    assert _relative_error(logits, case["expected"]["policy_logits"]) < 1e-4


def test_unimodal_fused_and_video_logits_equal_the_reference(case, model, clips) -> None:
    expected, all_on = case["expected"], torch.ones(len(clips["rgb"]), 3, 2)
    output = model.infer(clips, all_on)
    for number, logits in enumerate(expected["unimodal_segment_logits"]):
        assert _relative_error(output.segment_logits[:, :, number], logits) < 1e-4
    assert _relative_error(output.logits, expected["video_logits_all_on"]) < 1e-4
    decisions = torch.tensor(case["decisions"])
    with torch.no_grad():
        fused = model.fusion(output.segment_logits, decisions)
    assert _relative_error(fused, expected["segment_logits"]) < 1e-4
    assert _relative_error(model.infer(clips, decisions).logits, expected["video_logits"]) < 1e-4
