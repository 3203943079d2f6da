"""Named SQL, written once for both engines where it can be (`$n` parameters, see `storage.dialect`)."""
