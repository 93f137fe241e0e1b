"""The tensors that each modality shows of a segment.

First the place of segments in a video's frames and seconds (segments); then what is made of them:
resized, cropped and normalised frames, differences and flow (visual), and log spectrograms of the
sound around them (audio).
"""
