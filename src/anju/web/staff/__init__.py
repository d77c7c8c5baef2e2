"""Staff: the desk of a station worker, a department officer, a data steward.

Owns: find a person, the person file, dwellings, employers, batches, discrepancies, the quality board.
May import: the shell, the register's and the exchange's queries and actions.
Never: decides who may see what (the guard does), holds a rule.
"""
