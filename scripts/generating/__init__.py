"""Documents made from the code."""
