"""What every config checks of its fields."""


def require(ok: bool, rule: str, value: object) -> None:
    """
    Raises:
        ValueError: not ok; says the rule and the value.
    """
    if not ok:
        raise ValueError(f"{rule}, got {value}")
