import json

import pytest
from adamml.trials.assignment import Assignment

WHOLE = Assignment(
    kind="trial",
    id="trial-002",
    fidelity="joint",
    method="adamml",
    name="002 adamml",
    overrides={"loss.gamma": 1.5, "modalities": ["rgb"]},
    rungs=(2, 4),
    decision_bias={"rgb": 0.5},
    splits=("train", "validation"),
    modality="rgb",
)


def test_what_travels_as_json_arrives_as_it_was() -> None:
    assert Assignment.from_wire(json.loads(json.dumps(WHOLE.to_wire()))) == WHOLE


def test_a_key_names_kind_id_and_fidelity() -> None:
    assert WHOLE.key == "trial trial-002 joint"
    assert Assignment(kind="test", id="trial-002").key == "test trial-002"


@pytest.mark.parametrize("wire", [{"kind": "trial"}, {**WHOLE.to_wire(), "ids": "x"}])
def test_a_missing_or_unknown_field_is_refused(wire: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Assignment.from_wire(wire)
