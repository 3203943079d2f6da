"""Orders and inventory out of files and into files: CSV and JSON Lines, streamed, in batches, resumable.

Everything goes through the use cases, validated by the same structs as the bodies of HTTP calls.
"""
