"""Ray Train's run of one slot; imported by its launcher alone, because it takes seconds."""

from typing import Any

from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer


class SlotTrainer(DataParallelTrainer):  # type: ignore[misc]
    """A trainer without the actor that deals out Ray Datasets.

    Ray starts that actor even where there are no datasets: each worker group would wait for one
    process more, of 100 MB. Trials read their videos themselves.
    """

    def _create_default_callbacks(self) -> list[Any]:
        # Not a public name: if Ray renames it, the actor is back, and a test fails.
        callbacks = super()._create_default_callbacks()
        return [each for each in callbacks if type(each).__name__ != "DatasetsCallback"]
