"""The compiler of components: from plain mathematics to compiled kernels over blocks of rows or of weights."""
