"""Pictures, made of values and text alone."""
