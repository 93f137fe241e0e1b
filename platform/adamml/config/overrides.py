"""Dotted paths into a config: one vocabulary for spaces, command line, MLflow and journals."""

import dataclasses
import difflib
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

C = TypeVar("C")
Scalar = str | int | float | bool | None
Value = Scalar | tuple[Scalar, ...]


def flatten(config: Any, prefix: str = "") -> dict[str, Value]:
    """Every leaf of a config by its dotted path, in field order.

    >>> flatten(config)["loss.lambdas.rgb"]
    1.0
    """
    leaves: dict[str, Value] = {}
    for name, value in _children(config):
        path = f"{prefix}.{name}" if prefix else name
        leaves |= flatten(value, path) if _is_branch(value) else {path: value}
    return leaves


def fingerprint(config: Any, length: int = 16) -> str:
    """A stable hexadecimal name for a config or any tree of values: equal leaves, equal name."""
    tree = flatten(config) if _is_branch(config) else config
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def override(config: C, changes: Mapping[str, Any]) -> C:
    """A copy of config with the leaves at these dotted paths replaced.

    Args:
        changes: dotted path -> value, e.g. {"gumbel.temperature": 3.0}.

    Raises:
        ValueError: an unknown path (the nearest valid one is named), a value of the wrong type, or
            one that the config's own rules refuse.
    """
    known = flatten(config)
    for path in changes:
        if path not in known:
            nearest = difflib.get_close_matches(path, known, n=1, cutoff=0.0)[0]
            raise ValueError(f"unknown override {path!r}; the nearest valid path is {nearest!r}")
    return _rebuild(config, dict(changes), "")  # type: ignore[no-any-return]


def parse(assignments: typing.Iterable[str], config: Any) -> dict[str, Any]:
    """Command-line overrides: "path=value", the value read as JSON, else as text.

    Raises:
        ValueError: no "=" in it, or override() would refuse it.
    """
    changes: dict[str, Any] = {}
    for text in assignments:
        path, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"override must be path=value, got {text!r}")
        try:
            changes[path.strip()] = json.loads(value)
        except json.JSONDecodeError:
            changes[path.strip()] = value
    override(config, changes)
    return changes


def _is_branch(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        dataclasses.is_dataclass(value) and not isinstance(value, type)
    )


def _children(branch: Any) -> list[tuple[str, Any]]:
    if isinstance(branch, Mapping):
        return list(branch.items())
    return [(f.name, getattr(branch, f.name)) for f in dataclasses.fields(branch)]


def _rebuild(branch: Any, changes: dict[str, Any], prefix: str) -> Any:
    hints = {} if isinstance(branch, Mapping) else typing.get_type_hints(type(branch))
    rebuilt: dict[str, Any] = {}
    for name, value in _children(branch):
        path = f"{prefix}.{name}" if prefix else name
        if _is_branch(value):
            rebuilt[name] = _rebuild(value, changes, path)
        elif path in changes:
            rebuilt[name] = _checked(changes[path], hints.get(name, type(value)), path)
        else:
            rebuilt[name] = value
    return rebuilt if isinstance(branch, Mapping) else type(branch)(**rebuilt)


def _checked(value: Any, hint: Any, path: str) -> Any:
    """The value as the annotation wants it: an int serves as a float, a list as a tuple."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    wanted = str(hint) if origin else getattr(hint, "__name__", str(hint))
    if origin is typing.Literal:
        if value not in args:
            raise ValueError(f"{path} must be one of {', '.join(map(repr, args))}, got {value!r}")
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        hint = next(a for a in args if a is not type(None))
        return _checked(value, hint, path)
    if origin is tuple and isinstance(value, (list, tuple)):
        inner = args[0]
        if args[-1] is not Ellipsis and len(value) != len(args):
            raise ValueError(f"{path} must have {len(args)} values, got {value!r}")
        return tuple(_checked(item, inner, path) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if (
        not isinstance(hint, type)
        or not isinstance(value, hint)
        or (hint is int and isinstance(value, bool))
    ):
        raise ValueError(f"{path} must be {wanted}, got {value!r}")
    return value
