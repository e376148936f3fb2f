"""The newsroom's memory: one Store on SQLAlchemy Core, one in memory for replays."""
