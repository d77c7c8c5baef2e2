"""Insight: what the place looks like, in numbers that are safe to show.

Owns: indicators, statistics, forecasts, accessibility, money.
May import: every room below. Django only in ``store/``.
Never: writes another room's tables, releases a figure past the disclosure gate.
"""
