"""Sources that fetch their requests themselves."""
