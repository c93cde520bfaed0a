"""The engines: from a plan to training and inference on a device."""
