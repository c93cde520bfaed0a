"""The command line of numbann: parses arguments, calls numbann, and prints the results."""
