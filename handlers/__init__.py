"""Adapters out: one module a kind of chat; the module's name is its `kind` in the configuration."""
