"""Videos of a dataset cut, scaled and re-encoded on all nodes: from annotations to a manifest."""
