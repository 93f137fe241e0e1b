"""Ray Train's run of one slot (imported by its launcher alone: it takes seconds)."""

from typing import Any

from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer


class SlotTrainer(DataParallelTrainer):  # type: ignore[misc]
    """Without the actor that deals out Ray Datasets, which starts also where there are none: each
    worker group would wait for one process more, of 100 MB. Trials read their videos themselves.
    """

    def _create_default_callbacks(self) -> list[Any]:
        # Not public: should Ray come to call it otherwise, the actor is back, and a test says so.
        callbacks = super()._create_default_callbacks()
        return [each for each in callbacks if type(each).__name__ != "DatasetsCallback"]
