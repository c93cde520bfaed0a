"""Components: what they are, and how they are declared and registered."""
