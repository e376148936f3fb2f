"""Wording: an incident becomes a title, a few sentences and the evidence they rest on."""
