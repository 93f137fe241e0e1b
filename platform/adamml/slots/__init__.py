"""Warm groups of Ray Train workers that run one piece of work after another.

They know nothing of training. In the order in which work passes: pool (starts slots), dispatcher
(the queue), relay (a Tune trial's part), worker (the loop in a slot), train_run and slot_down (the
Ray Train run of a slot), process_group (torch.distributed over its workers), sizing, orphans.
"""
