"""The only SQL: schema, migrations, the two drivers, and the writer that coalesces commits."""
