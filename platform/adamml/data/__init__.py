"""From media files to the tensors of segments."""
