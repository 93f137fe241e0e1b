"""The networks: what decides, what recognises, and how both become one model.

Read adamml first, the whole model, then policy (which modalities of a segment to compute),
recognition (one network per modality) and fusion (their logits become one). Below these: backbones
(frames -> a vector, with temporal between their stages), gumbel and decision_bias (policy logits ->
decisions), shapes (of each modality's input), and weights with weight_files (what a backbone starts
from). reference/ loads the released code's checkpoints and checks our networks against its outputs.
docs/method.md has the same in two pages.
"""
