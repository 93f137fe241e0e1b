"""Dotted paths into a config, e.g. "loss.lambdas.rgb".

Search spaces, the command line, journals and MLflow all name a setting by its path. A leaf is a
value that is neither a dataclass nor a mapping.
"""

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
"""Type of a leaf."""


def flatten(config: Any, prefix: str = "") -> dict[str, Value]:
    """Return every leaf of a config by its dotted path, in the order of the fields.

    >>> from adamml.recipes import demo
    >>> flatten(demo())["loss.lambdas.rgb"]
    1.0

    Args:
        config: a config, or any tree of dataclasses and mappings.
        prefix: put before every path, with a dot between.
    """
    leaves: dict[str, Value] = {}
    for name, value in _children(config):
        path = f"{prefix}.{name}" if prefix else name
        leaves |= flatten(value, path) if _is_branch(value) else {path: value}
    return leaves


def fingerprint(config: Any, length: int = 16) -> str:
    """Return a hexadecimal name for a config or any JSON value; equal leaves give equal names.

    It is the start of a SHA-256, the same in every process and on every machine.

    Args:
        config: a config, or anything that json.dumps takes.
        length: number of hexadecimal digits, at most 64.

    Raises:
        ValueError: a number in it is not finite.
    """
    tree = flatten(config) if _is_branch(config) else config
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def override(config: C, changes: Mapping[str, Any]) -> C:
    """Return a copy of a config with the leaves at these dotted paths replaced.

    >>> from adamml.recipes import demo
    >>> config = override(demo(), {"gumbel.temperature": 3, "recognition.rgb.name": "resnet18"})
    >>> config.gumbel.temperature, config.recognition["rgb"].name
    (3.0, 'resnet18')
    >>> override(demo(), {"gumbel.temprature": 3})
    Traceback (most recent call last):
    ValueError: unknown override 'gumbel.temprature'; the nearest valid path is 'gumbel.temperature'

    Args:
        config: a config, which stays as it is.
        changes: dotted path -> new value.

    Raises:
        ValueError: an unknown path (the nearest valid one is named), a value of the wrong type, or
            one that breaks a rule of the config.
    """
    leaves = flatten(config)
    for path in changes:
        if path not in leaves:
            nearest = difflib.get_close_matches(path, leaves, n=1, cutoff=0.0)[0]
            raise ValueError(f"unknown override {path!r}; the nearest valid path is {nearest!r}")
    return _rebuild(config, dict(changes), "")  # type: ignore[no-any-return]


def parse(assignments: typing.Iterable[str], config: Any) -> dict[str, Any]:
    """Return the overrides of a command line, by dotted path.

    Args:
        assignments: texts like "loss.gamma=3". A value is read as JSON, else taken as
            text.
        config: the config that they must fit.

    Raises:
        ValueError: a text without "=", or an override that override() refuses.
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
    """Return a copy of a dataclass or mapping, changed at and below its path, prefix."""
    hints = {} if isinstance(branch, Mapping) else typing.get_type_hints(type(branch))
    rebuilt: dict[str, Any] = {}
    for name, value in _children(branch):
        path = f"{prefix}.{name}" if prefix else name
        if _is_branch(value):
            rebuilt[name] = _rebuild(value, changes, path)
        elif path in changes:
            # A mapping has no annotations for its entries: the present value gives the type.
            rebuilt[name] = _converted(changes[path], hints.get(name, type(value)), path)
        else:
            rebuilt[name] = value
    return rebuilt if isinstance(branch, Mapping) else type(branch)(**rebuilt)


def _converted(value: Any, hint: Any, path: str) -> Any:
    """Return the value as its annotation wants it: an int serves as a float, a list as a tuple.

    Raises:
        ValueError: the value is of another type, or none of a Literal's values.
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    wanted = str(hint) if origin else getattr(hint, "__name__", str(hint))
    if origin is typing.Literal:
        if value not in args:
            raise ValueError(f"{path} must be one of {', '.join(map(repr, args))}, got {value!r}")
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in args:
            return None
        hint = next(a for a in args if a is not type(None))  # configs have only "X | None"
        return _converted(value, hint, path)
    if origin is tuple and isinstance(value, (list, tuple)):
        inner = args[0]
        if args[-1] is not Ellipsis and len(value) != len(args):
            raise ValueError(f"{path} must have {len(args)} values, got {value!r}")
        return tuple(_converted(item, inner, path) for item in value)
    # bool is a subclass of int, but True is neither a seed nor a learning rate.
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if (
        not isinstance(hint, type)
        or not isinstance(value, hint)
        or (hint is int and isinstance(value, bool))
    ):
        raise ValueError(f"{path} must be {wanted}, got {value!r}")
    return value
