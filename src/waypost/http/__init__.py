"""The HTTP surface: Falcon resources, one file per tag of the contract; tokens, rates, problem details."""
