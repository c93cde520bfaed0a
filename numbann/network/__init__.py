"""A network as numbers, for any device: its plan, its first weights and the names of its tensors."""
