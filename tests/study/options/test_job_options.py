import pytest
import tyro
from adamml.study.options.jobs import SweepOptions


@pytest.mark.parametrize(
    ("arguments", "confirm_front"),
    [([], None), (["--confirm-front"], True), (["--no-confirm-front"], False)],
)
def test_confirm_front_is_a_flag_that_can_be_left_to_the_space(
    arguments: list[str], confirm_front: bool | None
) -> None:
    assert tyro.cli(SweepOptions, args=arguments).confirm_front is confirm_front
