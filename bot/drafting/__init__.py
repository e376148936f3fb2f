"""Wording: an incident becomes a title, a few sentences and the evidence they rest on."""

from bot.drafting.evidence import select_evidence
from bot.drafting.wording import TEMPLATES, Wording

__all__ = ["TEMPLATES", "Wording", "select_evidence"]
