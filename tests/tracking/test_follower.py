from pathlib import Path

import pytest
from adamml.tracking.follower import (
    Follower,
    check_tracking_uri,
    default_tracking_uri,
    look_command,
    replay_command,
)


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "/tmp/mlruns", "mlruns", "http"])
def test_a_file_store_is_refused_with_what_to_give_instead(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be a server .* or a database"):
        Follower(tmp_path, uri)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "uri", ["http://h:5000", "https://h", "sqlite:////a/b.db", "postgresql+psycopg2://u@h/db"]
)
def test_servers_and_databases_are_taken(uri: str) -> None:
    assert check_tracking_uri(uri) == uri


def test_the_default_store_is_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ADAMML_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert default_tracking_uri() == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somewhere:5000")
    assert default_tracking_uri() == "http://somewhere:5000"


def test_commands_survive_a_shell(tmp_path: Path) -> None:
    uri = "sqlite:////tmp/a folder/mlflow.db"
    assert look_command(uri).endswith(
        "mlflow ui --backend-store-uri 'sqlite:////tmp/a folder/mlflow.db'"
    )
    assert f"'{tmp_path}/a b'" in replay_command(tmp_path / "a b", uri)
    assert look_command("http://h:5000") == "open http://h:5000 in a browser"
