"""The released code (IBM/AdaMML), "the reference": its checkpoints and golden cases.

Read networks first: it maps the state dicts of the released code to our modules. checkpoint reads
released files and tells from their shapes what they hold. case and case_file have golden cases: the
released code's outputs for weights and inputs that follow from a rule (tests/golden). __main__ is
the command `python -m adamml.models.reference`, with `check` and `load`.
"""
