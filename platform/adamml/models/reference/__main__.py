"""Check our networks against golden cases, and turn released checkpoints into our weights.

    python -m adamml.models.reference check CASE.json
    python -m adamml.models.reference load CHECKPOINT --out MODEL.safetensors

tests/golden/README.md describes golden cases; docs/paper.md 1.3 has where checkpoints are released.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import tyro
from torch import Tensor, nn

from adamml.config import MODALITIES, LossConfig
from adamml.models.adamml import AdaMML
from adamml.models.policy import PolicyNetwork
from adamml.models.reference.case import Case
from adamml.models.reference.case_file import read_case
from adamml.models.reference.checkpoint import layout_of, read_state_dict
from adamml.models.reference.networks import OUR_NAMES, Layout, load_adamml, load_recognition
from adamml.models.weight_files import save_weights
from adamml.objectives.losses import policy_loss

PROGRAM = "python -m adamml.models.reference"
DESCRIPTION = "Check our networks against the reference implementation's, and load its weights."
ERROR_LIMIT = 1e-4
"""Bound below which every relative error must be."""
DECIMALS = 6
"""Number of decimals that the numbers in a case are rounded to."""
LOSS_SCALE = 20
"""Divisor of the video logits that a case's losses are computed from (tests/golden/README.md)."""


def check(file: tyro.conf.Positional[Path]) -> int:
    """Compare our networks' outputs with the reference's, which a golden case holds.

    The exit status is 0 if every relative error is below 1e-4, 1 if not, 2 if the file is broken.

    Args:
        file: JSON file of the case; tests/golden/README.md describes it.
    """
    case = read_case(file)
    print(
        f"{case.name or file}: {_describe(case.layout)}; videos {case.num_videos}, "
        f"segments {case.num_segments}, frames {case.frames}, pixels {case.pixels}"
    )
    ours = outputs(load_adamml(case.weights(), case.layout), case)
    errors = {name: largest_errors(ours[name], case.expected[name]) for name in case.expected}
    width = max(map(len, errors))
    print(f"{'largest error':{width}}  absolute  relative")
    for name, (absolute, relative) in errors.items():
        print(f"{name:{width}}  {absolute:8.1e}  {relative:8.1e}")
    # `not <` in place of `>=`, so that an error of nan fails.
    failed = [name for name, (_, relative) in errors.items() if not relative < ERROR_LIMIT]
    print(
        f"not below {ERROR_LIMIT:g}: {', '.join(failed)}"
        if failed
        else f"all below {ERROR_LIMIT:g}"
    )
    return 1 if failed else 0


def load(
    checkpoint: tyro.conf.Positional[Path],
    *,
    out: Path,
    modalities: str | None = None,
    policy_modalities: str | None = None,
    depth: int | None = None,
    classes: int | None = None,
    backbone_only: bool = False,
) -> int:
    """Turn a released checkpoint, unimodal or AdaMML, into our safetensors.

    Options that are left out are read from the shapes of the weights. In either case a key that is
    missing or unexpected is an error that names it.

    Args:
        checkpoint: File written by torch.save, with tensors and plain values only.
        out: The safetensors file to write.
        modalities: Modalities of the recognition networks in the checkpoint's order, e.g.
            rgb+audio+flow.
        policy_modalities: Modalities that the policy looks at to decide about each of them, e.g.
            rgb+audio+rgbdiff.
        depth: Depth of the ResNets: 18, 34, 50 or 101.
        classes: Number of classes.
        backbone_only: Leave the classifier of a unimodal checkpoint out. Such a file can be given
            as recognition.<modality>.weights.
    """
    state = read_state_dict(checkpoint)
    layout = layout_of(
        state,
        recognition=_parse(modalities),
        policy=_parse(policy_modalities),
        depth=depth,
        num_classes=classes,
    )
    print(f"the checkpoint holds {_describe(layout)}")
    if layout.policy is None:
        network = load_recognition(state, layout)
        return _save(network.backbone if backbone_only else network, out)
    if backbone_only:
        raise ValueError(
            "backbone_only must be with a unimodal checkpoint, "
            f"got {checkpoint}, which holds AdaMML"
        )
    return _save(load_adamml(state, layout), out)


@torch.no_grad()
def outputs(model: AdaMML, case: Case) -> dict[str, Tensor]:
    """Return our values for everything that a case expects, by the case's names.

    Videos go through one at a time, so that memory does not grow with their number.

    Args:
        model: in eval mode, with the case's weights.
        case: the case; clips, decisions and targets are taken from it.
    """
    assert isinstance(model.policy, PolicyNetwork)
    clips, parts = case.clips(), []
    for n in range(case.num_videos):
        video = {m: clip[n : n + 1] for m, clip in clips.items()}  # N = 1
        decisions = case.decisions[n : n + 1]
        all_on = model.infer(video, torch.ones_like(decisions))
        assert all_on.segment_logits is not None
        parts.append(
            {
                "policy_logits": model.policy.logits(model.policy_clips(video)),
                "unimodal": all_on.segment_logits,
                "segment_logits": model.fusion(all_on.segment_logits, decisions),
                "video_logits": model.infer(video, decisions).logits,
                "video_logits_all_on": all_on.logits,
            }
        )
    ours = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    unimodal = ours.pop("unimodal").unbind(2)
    ours |= {
        f"unimodal_segment_logits {m}": logits
        for m, logits in zip(case.layout.recognition, unimodal, strict=True)
    }
    return ours | losses(ours["video_logits"], case)


def losses(video_logits: Tensor, case: Case) -> dict[str, Tensor]:
    """Return the terms of the loss for video logits [N, K] under the case's decisions."""
    config = LossConfig(lambdas=case.lambdas, gamma=case.gamma)
    modalities, scaled = case.layout.recognition, video_logits / LOSS_SCALE
    terms = policy_loss(scaled, case.decisions, case.targets, modalities, config)
    return {f"loss {name}": term for name, term in terms.items()}


def largest_errors(ours: Tensor, expected: Tensor) -> tuple[float, float]:
    """Return the largest absolute error, and the same divided by max |expected|.

    Our values are rounded first, as those of a case are.
    """
    absolute = float((ours.double().round(decimals=DECIMALS) - expected).abs().max())
    scale = float(expected.abs().max())
    if scale == 0:
        return absolute, 0.0 if absolute == 0 else float("inf")
    return absolute, absolute / scale


def _save(model: nn.Module, out: Path) -> int:
    save_weights(model, out)
    print(f"wrote {len(model.state_dict())} tensors to {out}")
    return 0


def _describe(layout: Layout) -> str:
    """Return in words which networks a layout has."""
    names = " + ".join(layout.recognition)
    classes = f"{layout.num_classes} classes"
    nets = {"mobilenet_v2" if m == "audio" else f"resnet{layout.depth}" for m in layout.recognition}
    if layout.policy is None:
        return f"a unimodal network for {names}, {', '.join(sorted(nets))}, {classes}"
    sees = "" if layout.policy == layout.recognition else f" (policy: {' + '.join(layout.policy)})"
    return f"AdaMML of {names}{sees}, {', '.join(sorted(nets))}, {classes}, {layout.fusion} fusion"


def _parse(modalities: str | None) -> tuple[str, ...] | None:
    """Return the modalities of an option like "rgb+sound", in our names."""
    if modalities is None:
        return None
    names = tuple(OUR_NAMES.get(m, m) for m in modalities.split("+"))
    if not set(names) <= set(MODALITIES):
        raise ValueError(
            f"modalities must be of {', '.join(MODALITIES)}, joined by +, got {modalities}"
        )
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, 2 for a mistake in options or files."""
    commands: dict[str, Callable[..., int]] = {"check": check, "load": load}
    try:
        status = tyro.extras.subcommand_cli_from_dict(
            commands,
            description=DESCRIPTION,
            args=arguments,
            prog=PROGRAM,
        )
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
