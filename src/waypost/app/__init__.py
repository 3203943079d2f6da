"""Use cases: one function a verb, one transaction each. Knows the domain and the ports, nothing else."""
