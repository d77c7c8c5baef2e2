"""City: an invented city that sends what departments would really send, and the truth beside it.

Owns: people, families and lives drawn from census marginals; departments' habits and errors.
May import: kernel.
Never: imports the rooms it is meant to test, uses a real person's data. Citizen numbers start
with 99, phones with 12.
"""
