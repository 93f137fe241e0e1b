"""Media files as arrays, with limits on all that an untrusted file may demand.

A file is opened with its limits checked (untrusted). Frames are read whole (video) or in part by
seeking (frame_excerpts), and sound likewise (sound, sound_excerpts). Optical flow is computed
between frames (flow) and stored as a video of its own (flow_video). Pictures and wav files that
the reference implementation prepared are read as they are (pictures). Prepared clips are written
by encoding. Nothing here knows of a config or of torch.
"""
