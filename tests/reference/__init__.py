"""The reference: its examples run, and its pages say what the contract, the tables and the registries say."""
