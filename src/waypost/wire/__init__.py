"""The vendor's JSON and the domain's records, each turned into the other: the only place with vendor spelling."""
