"""The built-in dataset: generated media with a known answer."""
