"""From files and Python objects to arrays ready to train on.  What `spec` reads of it imports no NumPy."""
