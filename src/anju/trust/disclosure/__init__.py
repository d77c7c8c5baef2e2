"""Disclosure control: the gate every public or cross-department statistic passes.

``protect`` hides small cells and enough others that no hidden one can be worked out, and rounds what is shown with
a keyed die; ``noisy_counts`` answers with differential privacy against a budget. Counts in, counts out: the gate
never sees persons.
"""

from anju.trust.disclosure.private import Budget, noisy_counts
from anju.trust.disclosure.table import TOTAL, Rules, Shown, cell, protect

__all__ = ["TOTAL", "Budget", "Rules", "Shown", "cell", "noisy_counts", "protect"]
