"""From a plan to training and inference on a device.  It reads no spec and prints nothing."""
