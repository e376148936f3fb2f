"""Keeps account of what paid reads cost, because a ceiling that a restart forgets is none."""

from datetime import datetime

import msgspec


class Ledger(msgspec.Struct, frozen=True):
    """Euros spent in the UTC day and month of `day`.

    Attributes:
        day: `YYYY-MM-DD`, or empty before the first payment.
        calm_eur: The part of `day_eur` that was spent on searches without a surge.
    """

    day: str = ""
    day_eur: float = 0.0
    month_eur: float = 0.0
    calm_eur: float = 0.0

    def at(self, now: datetime) -> "Ledger":
        """The account at a time: a new day or month begins at zero."""
        today = now.strftime("%Y-%m-%d")
        if today == self.day:
            return self
        return Ledger(day=today, month_eur=self.month_eur if today[:7] == self.day[:7] else 0.0)

    def plus(self, eur: float, *, calm: bool = False) -> "Ledger":
        """The account after a payment."""
        return Ledger(
            self.day,
            round(self.day_eur + eur, 6),
            round(self.month_eur + eur, 6),
            round(self.calm_eur + eur * calm, 6),
        )

    def left(self, daily_eur: float, monthly_eur: float) -> float:
        """What may still be spent today."""
        return max(0.0, min(daily_eur - self.day_eur, monthly_eur - self.month_eur))
