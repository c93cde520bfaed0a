"""The engine on the CPU: memory, a table of phases, the driver that interprets it, and the team of threads that runs it."""
