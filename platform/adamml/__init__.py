"""AdaMML finds how little computation a multi-modal video classifier needs.

The words, each with one meaning everywhere:

video         one labelled media file, a row of the manifest
segment       a clip of F frames at a fixed stride, and the sound around its middle
modality      what a network looks at: rgb, audio (later flow, rgbdiff)
policy        the network that picks, per segment, the modalities worth computing
recognition   the networks, one per modality, that classify a segment
decision      1 where a modality of a segment is computed, 0 where it is skipped
fusion        how the segment logits of several modalities become one
recipe        a function that returns a complete config
override      a dotted path and its new value, e.g. {"loss.gamma": 3.0}
trial         a recipe plus overrides, trained and evaluated
study         trials that share data, search space and objectives
slot          a warm group of Ray Train workers that runs one trial after another
front         the trials that no other trial beats in both quality and GFLOPs

Shapes: N videos, S segments, M modalities, F frames, C channels, H W pixels, K classes. At every
boundary decisions are [N, S, M] and segment logits [N, S, M, K]. GFLOPs are multiply-accumulates
/ 1e9, the habit of the video literature.
"""
