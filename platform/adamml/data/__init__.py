"""The way from media files to batches of tensors.

In the order of the data: a manifest lists the videos (manifest, checked by manifest_schema; the
built-in dataset writes its own, synthetic); media files become arrays (media), decoded once per
node (cache); segments of them become tensors (modalities, put together by clips); a dataset gives
these per video, and batches of them (dataset, loading). Beside that: which flow is stored
(stored_flow), and where a manifest says that the evidence is (relevance).
"""
