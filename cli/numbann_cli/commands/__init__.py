"""The commands, one file each with a click command named `command`.  A file is imported only when its command runs."""
