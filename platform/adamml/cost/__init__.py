"""The computation that decisions cost, in multiply-accumulates and GFLOPs per video.

Read flops first: it counts one segment of a model, part by part, and turns decisions into GFLOPs.
published bills the same segment as the released code does, for numbers beside the paper's tables.
distribution is the cost over the videos of a split; table and __main__ are the command `python -m
adamml.cost`. GFLOPs are multiply-accumulates / 1e9, as everywhere in this literature.
"""
