"""The tensors that each modality shows of a segment."""
