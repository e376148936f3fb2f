"""Adapters in: one module a kind of source; the module's name is its `kind` in the configuration."""
