"""The commands of adamml.models.reference. They need losses, which lie to the right of models."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import tyro
from torch import Tensor, nn

from adamml.config import MODALITIES as KNOWN
from adamml.config import LossConfig
from adamml.models.adamml import AdaMML
from adamml.models.policy import PolicyNetwork
from adamml.models.reference.case import Case
from adamml.models.reference.case_file import read_case
from adamml.models.reference.checkpoint import layout_of, read_state_dict
from adamml.models.reference.networks import MODALITIES, Layout, load_adamml, load_recognition
from adamml.models.weight_files import save_weights
from adamml.objectives.losses import policy_loss

PROGRAM = "python -m adamml.models.reference"
DESCRIPTION = "Check our networks against the reference implementation's, and load its weights."
LIMIT = 1e-4
"""Below which every relative error must be."""
DECIMALS = 6
"""Of the numbers in a case."""
LOSS_SCALE = 20
"""The losses of a case are those of its video logits divided by this."""


def check(file: tyro.conf.Positional[Path]) -> int:
    """Compare our networks with the outputs of the reference that a golden case holds.

    Exits with 0 if every relative error is below 1e-4, 1 if not, 2 if the file is broken.

    Args:
        file: JSON; tests/golden/README.md describes it.
    """
    case = read_case(file)
    print(
        f"{case.name or file}: {_words(case.layout)}; videos {case.num_videos}, "
        f"segments {case.num_segments}, frames {case.frames}, pixels {case.pixels}"
    )
    ours = outputs(load_adamml(case.weights(), case.layout), case)
    errors = {name: error(ours[name], case.expected[name]) for name in case.expected}
    width = max(map(len, errors))
    print(f"{'largest error':{width}}  absolute  relative")
    for name, (absolute, relative) in errors.items():
        print(f"{name:{width}}  {absolute:8.1e}  {relative:8.1e}")
    failed = [name for name, (_, relative) in errors.items() if not relative < LIMIT]
    print(f"not below {LIMIT:g}: {', '.join(failed)}" if failed else f"all below {LIMIT:g}")
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

    What is not given is read from the shapes of the weights. Given or not: a key that is missing
    or unexpected is an error that names it.

    Args:
        checkpoint: File of torch.save; tensors and plain values only (weights_only).
        out: The safetensors to write.
        modalities: Of the recognition networks in the checkpoint's order, e.g. rgb+audio+flow.
        policy_modalities: What the policy looks at for each, e.g. rgb+audio+rgbdiff.
        depth: Of the ResNets: 18, 34, 50 or 101.
        classes: How many.
        backbone_only: Of a unimodal checkpoint, leave the classifier out. Such a file can be given
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
    print(f"found: {_words(layout)}")
    if layout.policy is None:
        network = load_recognition(state, layout)
        return _written(network.backbone if backbone_only else network, out)
    if backbone_only:
        raise ValueError(f"backbone_only must be with a unimodal checkpoint, got {checkpoint}")
    return _written(load_adamml(state, layout), out)


@torch.no_grad()
def outputs(model: AdaMML, case: Case) -> dict[str, Tensor]:
    """All that a case expects, by its names, from a model in eval mode.

    Videos go through one at a time: memory does not grow with their number.
    """
    assert isinstance(model.policy, PolicyNetwork)
    clips, parts = case.clips(), []
    for n in range(case.num_videos):
        video = {m: of_all[n : n + 1] for m, of_all in clips.items()}
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
    """The terms of the loss of video logits [N, K] under the case's decisions."""
    config = LossConfig(lambdas=case.lambdas, gamma=case.gamma)
    modalities, scaled = case.layout.recognition, video_logits / LOSS_SCALE
    terms = policy_loss(scaled, case.decisions, case.targets, modalities, config)
    return {f"loss {name}": term for name, term in terms.items()}


def error(ours: Tensor, expected: Tensor) -> tuple[float, float]:
    """Largest absolute error, ours rounded as the case is; and the same over max |expected|."""
    absolute = float((ours.double().round(decimals=DECIMALS) - expected).abs().max())
    scale = float(expected.abs().max())
    if scale == 0:
        return absolute, 0.0 if absolute == 0 else float("inf")
    return absolute, absolute / scale


def _written(model: nn.Module, out: Path) -> int:
    save_weights(model, out)
    print(f"wrote {len(model.state_dict())} tensors to {out}")
    return 0


def _words(layout: Layout) -> str:
    names = " + ".join(layout.recognition)
    classes = f"{layout.num_classes} classes"
    nets = {"mobilenet_v2" if m == "audio" else f"resnet{layout.depth}" for m in layout.recognition}
    if layout.policy is None:
        return f"a unimodal network for {names}, {', '.join(sorted(nets))}, {classes}"
    sees = "" if layout.policy == layout.recognition else f" (policy: {' + '.join(layout.policy)})"
    return f"AdaMML of {names}{sees}, {', '.join(sorted(nets))}, {classes}, {layout.fusion} fusion"


def _parse(modalities: str | None) -> tuple[str, ...] | None:
    if modalities is None:
        return None
    names = tuple(MODALITIES.get(m, m) for m in modalities.split("+"))
    if not set(names) <= set(KNOWN):
        raise ValueError(f"modalities must be of {', '.join(KNOWN)}, joined by +, got {modalities}")
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status."""
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
