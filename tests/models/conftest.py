from typing import Any

import pytest
from plain_reference import make_case


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """rgb and flow, with rgbdiff in the place of flow before the policy."""
    return make_case("rgb+flow", "rgb+rgbdiff", frames=2, videos=2, segments=1)
