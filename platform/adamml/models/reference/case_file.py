"""Files of golden cases, read and checked field by field (tests/golden/README.md)."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from adamml.models.reference.case import Case
from adamml.models.reference.networks import (
    OUR_NAMES,
    Layout,
    check_adamml,
    fusion_of,
    without_prefix,
)

Fields = dict[str, Any]
"""Type of a JSON object: name -> value."""
REFERENCE_MODALITIES = ("rgb", "flow", "rgbdiff", "sound")
"""Modalities by their names in the released code."""


def read_case(path: Path) -> Case:
    """Read a golden case.

    Raises:
        ValueError: the file is not a golden case; the message names the field that is wrong.
        OSError: it cannot be read.
    """
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(fields).__name__}")
    return _case(fields)


def _case(fields: Fields) -> Case:
    """Check all fields of a file and return the case."""
    shapes = _shapes(fields)
    # Name without prefix -> shape.
    named = {name: shapes[key] for key, name in without_prefix(shapes).items()}
    layout = _layout(fields, fusion_of(named))
    check_adamml(named, layout)
    n, s = _count(fields, "num_videos"), _count(fields, "num_segments")
    m, k = len(layout.recognition), layout.num_classes
    loss, expected = (_field(fields, name, dict) for name in ("loss", "expected"))
    targets = _tensor(fields, "targets", (n,))
    if not bool(((targets >= 0) & (targets < k) & (targets == targets.long())).all()):
        raise ValueError(f"targets must be classes from 0 to {k - 1}, got {fields['targets']}")
    return Case(
        name=str(fields.get("name", "")),
        layout=layout,
        inputs=_modalities(fields, "modality"),
        seed=_field(fields, "seed", int),
        num_videos=n,
        num_segments=s,
        frames=_count(fields, "frames_per_segment"),
        pixels=_count(fields, "pixels"),
        shapes=shapes,
        decisions=_tensor(fields, "decisions", (n, s, m)).float(),
        targets=targets.long(),
        lambdas=dict(zip(layout.recognition, _tensor(loss, "lambdas", (m,)).tolist(), strict=True)),
        gamma=float(_tensor(loss, "gamma", ())),
        expected=_expected(expected, loss, layout.recognition, (n, s, m, k)),
    )


def _layout(fields: Fields, fusion: str) -> Layout:
    """Return the layout that a file's fields describe."""
    inputs, recognition, policy = (
        _modalities(fields, name)
        for name in ("modality", "recognition_modalities", "policy_modalities")
    )
    if len(policy) != len(recognition):
        raise ValueError(
            f"policy_modalities must be as many as recognition_modalities {recognition}, "
            f"got {policy}"
        )
    if unknown := sorted({*recognition, *policy} - set(inputs)):
        raise ValueError(f"modality must name all that is used, got {inputs} without {unknown}")
    return Layout(
        recognition=recognition,
        policy=policy,
        depth=_count(fields, "depth"),
        num_classes=_count(fields, "num_classes"),
        fusion=fusion,
    )


def _expected(
    values: Fields,
    loss: Fields,
    modalities: tuple[str, ...],
    sizes: tuple[int, int, int, int],
) -> dict[str, Tensor]:
    """Return the expected outputs and losses by name; sizes are N, S, M and K."""
    n, s, m, k = sizes
    unimodal = _tensor(values, "unimodal_segment_logits", (m, n, s, k))
    return {
        "policy_logits": _tensor(values, "policy_logits", (n, s, m, 2)),
        **{f"unimodal_segment_logits {x}": unimodal[i] for i, x in enumerate(modalities)},
        "segment_logits": _tensor(values, "segment_logits", (n, s, k)),
        "video_logits": _tensor(values, "video_logits", (n, k)),
        "video_logits_all_on": _tensor(values, "video_logits_all_on", (n, k)),
        **{f"loss {x}": _tensor(loss, x, ()) for x in ("cross_entropy", "usage", "wrong")},
    }


def _field(fields: Fields, name: str, kind: type[Any]) -> Any:
    """Return a field that must be of exactly this type."""
    # Not isinstance: True is an int to Python, but not to JSON.
    if type(fields.get(name)) is not kind:
        raise ValueError(f"{name} must be a JSON {kind.__name__}, got {_short(fields, name)}")
    return fields[name]


def _count(fields: Fields, name: str) -> int:
    """Return a field that must be a positive whole number."""
    if type(fields.get(name)) is not int or fields[name] < 1:
        raise ValueError(f"{name} must be a positive whole number, got {_short(fields, name)}")
    return int(fields[name])


def _modalities(fields: Fields, name: str) -> tuple[str, ...]:
    """Return a field that must list modalities in the released code's names, in our names."""
    given = fields.get(name)
    # `in` a tuple only compares, so that x may be any JSON value; a set would raise for a list.
    if (
        not isinstance(given, list)
        or not given
        or any(x not in REFERENCE_MODALITIES for x in given)
    ):
        raise ValueError(
            f"{name} must be a list of {REFERENCE_MODALITIES}, got {_short(fields, name)}"
        )
    if len(set(given)) < len(given):
        raise ValueError(f"{name} must name each modality once, got {given}")
    return tuple(OUR_NAMES.get(str(x), str(x)) for x in given)


def _shapes(fields: Fields) -> dict[str, tuple[int, ...]]:
    """Return the field state_dict: key -> shape."""
    shapes = _field(fields, "state_dict", dict)
    for key, shape in shapes.items():
        # As in _field: True is no size.
        if not isinstance(shape, list) or any(type(d) is not int or d < 0 for d in shape):
            raise ValueError(f"state_dict must map keys to shapes, got {key}: {shape!r}")
    return {key: tuple(shape) for key, shape in shapes.items()}


def _tensor(fields: Fields, name: str, shape: tuple[int, ...]) -> Tensor:
    """Return a field that must hold finite numbers of this shape, as float64."""
    try:
        values = torch.tensor(fields.get(name), dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be numbers, got {_short(fields, name)}") from error
    if values.shape != shape or not bool(values.isfinite().all()):
        raise ValueError(
            f"{name} must be finite numbers of shape {list(shape)}, got {list(values.shape)}"
        )
    return values


def _short(fields: Fields, name: str) -> str:
    """Return a field's value for an error message, cut to 60 characters."""
    if name not in fields:
        return "nothing"
    text = repr(fields[name])
    return text if len(text) <= 60 else f"{text[:60]} ..."
