"""The rules of fulfillment as plain Python: no input or output, no clock, no framework."""
