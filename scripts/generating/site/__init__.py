"""The reference: one page per operation, overview, errors, guides, search index; made from the contract and the tables."""
