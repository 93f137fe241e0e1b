"""The built-in dataset: generated media of which the best possible accuracy is known.

A video's class and what each modality shows of it when is drawn first (storyboard), then its
frames (scene) and its sound (sound) are made, and both are written as an MP4 (rendering). A whole
dataset with its manifest is made, or completed, by generation.
"""
