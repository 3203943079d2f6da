"""The foreign keys of the schema, as `waypost check` follows them."""


def references() -> list[tuple[str, str, str, str]]:
    """Every foreign key: table, column, the table it refers to, and a column that names the row."""
    from waypost.storage.schema import metadata  # takes a while to load

    return [
        (table.name, key.parent.name, key.column.table.name, "id" if "id" in table.c else key.parent.name)
        for table in metadata.sorted_tables
        for key in table.foreign_keys
    ]


def within_account() -> list[tuple[str, str, str]]:
    """The foreign keys both of whose ends belong to an account: table, column, target."""
    from waypost.storage.schema import metadata

    return [
        (table.name, key.parent.name, key.column.table.name)
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if "account_id" in table.c and "id" in table.c and "account_id" in key.column.table.c
    ]
