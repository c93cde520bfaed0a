"""The engine on the CPU: memory, a table of phases, the driver that interprets it, and a team of threads."""
