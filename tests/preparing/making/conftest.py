from collections.abc import Callable
from pathlib import Path

import media
import pytest


@pytest.fixture
def write_media() -> Callable[..., Path]:
    return media.write_media
