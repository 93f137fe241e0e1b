"""The one check that every config applies to its fields."""


def require(ok: bool, rule: str, value: object) -> None:
    """Raise unless a rule holds.

    Args:
        ok: whether the rule holds.
        rule: the rule in words, beginning with the field's dotted path: "loss.gamma must not be
            negative".
        value: the value that was given.

    Raises:
        ValueError: the rule does not hold; the message has the rule and the value.
    """
    if not ok:
        raise ValueError(f"{rule}, got {value}")
