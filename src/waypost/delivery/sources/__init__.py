"""The kinds of source, one folder each. A kind is an `app.ports.kinds.Kind`; `main` names those there are."""
