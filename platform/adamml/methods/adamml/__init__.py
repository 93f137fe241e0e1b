"""AdaMML: a learned policy picks the modalities to compute, segment by segment.

Fusions without a policy, a modality alone, random policies and the relevance policy are the same
model with another policy.kind or fusion, so they belong to this family too.
"""

from adamml.methods.adamml.bounds import oracle_bounds
from adamml.methods.adamml.building import fresh_adamml
from adamml.methods.adamml.costs import adamml_costs
from adamml.methods.adamml.evaluation import evaluate
from adamml.methods.adamml.looking import POLICY_CLIPS
from adamml.methods.adamml.task import adamml_task
from adamml.methods.family import Family
from adamml.models.adamml import AdaMML

ADAMML: Family[AdaMML] = Family(
    name="adamml",
    build=fresh_adamml,
    task=adamml_task,
    evaluate=evaluate,
    costs=adamml_costs,
    caches=POLICY_CLIPS,
    bounds=oracle_bounds,
)
