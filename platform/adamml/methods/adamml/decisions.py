"""The decisions of an evaluation, and the policy logits that they were made from."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from adamml.config import Config
from adamml.models.adamml import AdaMML
from adamml.models.decision_bias import choose
from adamml.models.policy import Clips, PolicyNetwork
from adamml.training.determinism import generator


@dataclass(frozen=True, kw_only=True)
class Decider:
    """A policy that decides about the videos of a split as the config wants it in evaluations.

    With quirks.noise_at_evaluation each decision is a sample: Gumbel noise is added to the policy's
    logits. The temperature divides both and does not change a hard sample, so none is needed here.
    The noise is a function of seed and video: runs repeat, whatever their batches.
    """

    model: AdaMML
    decision_bias: Mapping[str, float] | None
    noise: Tensor | None
    """Gumbel noise of the whole split, [N, S, M, 2]; None for decisions without noise."""

    @classmethod
    def of(
        cls,
        model: AdaMML,
        config: Config,
        videos: int,
        decision_bias: Mapping[str, float] | None = None,
    ) -> "Decider":
        """Return the decider of a split of so many videos."""
        noise = _gumbel_noise(config, videos) if config.quirks.noise_at_evaluation else None
        return cls(model=model, decision_bias=decision_bias, noise=noise)

    def __call__(self, policy_clips: Clips, rows: Tensor) -> dict[str, Tensor]:
        """Decide about some videos of the split.

        Args:
            policy_clips: the policy's view of these videos, from AdaMML.policy_clips.
            rows: [n], their places in the split.

        Returns:
            {"decisions": [n, S, M]}. A policy with logits adds "scores" [n, S, M, 2]: its logits,
            with the noise and without the bias.
        """
        policy, bias = self.model.policy, self.decision_bias
        if not isinstance(policy, PolicyNetwork):
            return {"decisions": policy(policy_clips, temperature=None, decision_bias=bias)}
        scores = policy.logits(policy_clips)
        if self.noise is not None:
            scores = scores + self.noise[rows.cpu()].to(scores)
        return {"decisions": choose(scores, policy.modalities, bias), "scores": scores}


def _gumbel_noise(config: Config, videos: int) -> Tensor:
    shape = (videos, config.data.test_segments, len(config.modalities), 2)
    drawn = torch.empty(shape).exponential_(generator=generator(config.seed, "evaluation"))
    return -drawn.log()
