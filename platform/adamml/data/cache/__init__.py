"""Decoded frames and sound, kept on each node's disk and shared by its processes.

A manifest's videos are cut into shards (shard_cutting); each shard is decoded once per node
(shard_making, shards, with reading_alone for files that crash FFmpeg); and open_frames (opening)
returns the videos by id (frames), each read from its shard (cached_frames) or, where the cache is
full, from its own file (sought_frames). What is kept of a video is a Decoding (decoding).
"""
