"""Twins that a benchmark holds beside our own work, written by hand. Run apart; never imported by anju."""
