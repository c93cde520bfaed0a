"""The codes of `data.columns`: how the texts of a column become numbers."""
