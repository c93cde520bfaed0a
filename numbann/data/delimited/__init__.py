"""Tables of text (CSV, TSV): reads the columns in one pass, and the header alone without NumPy."""
