from tiny_videos import checkpoints, config, tiny_splits, view_of

__all__ = ["checkpoints", "config", "tiny_splits", "view_of"]
