"""Where unimodal networks are kept."""

from pathlib import Path

import pytest
from adamml.config import override
from adamml.recipes import demo
from adamml.trials.pretrained import unimodal_key

FIELD = "recognition.rgb.weights"


def _key(weights: Path | str, modality: str = "rgb") -> str:
    return unimodal_key(override(demo(), {FIELD: str(weights)}), modality, "data")


def test_a_network_is_kept_under_what_its_weights_file_holds(tmp_path: Path) -> None:
    for name, content in (("a.pth", b"one"), ("b.pth", b"one"), ("c.pth", b"two")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (_key(tmp_path / f"{name}.pth") for name in "abc")
    assert a == b != c
    (tmp_path / "a.pth").write_bytes(b"three")
    assert _key(tmp_path / "a.pth") not in (a, c)
    assert len({_key(""), _key("imagenet"), a, c}) == 4


def test_weights_of_one_modality_leave_the_others_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(b"one")
    assert _key(tmp_path / "w.pth", "audio") == _key("", "audio")


def test_a_file_that_this_node_does_not_see_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=f"{FIELD} must be a file that every node reads, got .*w.pth"):
        _key(tmp_path / "w.pth")
