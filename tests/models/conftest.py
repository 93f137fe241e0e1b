from typing import Any

import pytest
from plain_reference import make_case


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    """A small case of rgb and flow whose policy looks at rgbdiff in place of flow."""
    return make_case("rgb+flow", "rgb+rgbdiff", frames=2, videos=2, segments=1)
