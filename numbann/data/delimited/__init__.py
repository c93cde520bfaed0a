"""Tables of text: one pass over a file gives its columns; its header alone is read without NumPy."""
