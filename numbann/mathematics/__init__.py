"""The mathematics that numbann provides: components, and the functions of rows that they call."""
