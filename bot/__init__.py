"""Vigie's core: importing it has no side effects."""
