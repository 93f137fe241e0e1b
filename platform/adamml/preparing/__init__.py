"""Preparing videos: from annotations to small clips, cut on all nodes, and a manifest of them."""
