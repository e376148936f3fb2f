"""The words of Vigie as frozen values: no I/O, no clock, no vendor library."""
