"""Sources that take their requests over HTTP."""
