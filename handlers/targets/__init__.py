"""Publication targets: where an approved alert goes."""
