"""The command line of numbann: it reads arguments and prints.  It trains nothing: numbann does."""
