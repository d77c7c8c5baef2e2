"""Planner: rules read as tables, tried on everyone, audited, compared. Counts only; no person is ever shown here."""
