"""The newsroom's memory: one `Store` kept in memory, one on SQLite."""
