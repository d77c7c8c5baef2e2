"""Intake: one file in, one immutable batch out, and what could not be taken.

Owns: recognising a file, reading it as a stream, checking and standardising every row, error reports.
May import: exchange.contracts, register.canon, kernel. No Django; an engine is handed in.
Never: guesses a value, loses a row, writes outside the folder it is given.
"""
