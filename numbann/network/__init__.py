"""A network for any device: its description, its plan, its initial weights and the names of its tensors."""
