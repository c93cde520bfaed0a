"""The commands, one file each, every one with a click command named `command`.  They are imported only when run."""
