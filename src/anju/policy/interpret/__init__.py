"""The interpreter: one person, one programme, written to be read beside the format.

Unknown is None. A condition answers True, False or None. An item answers its points, and whether something in it is
unknown; what is unknown gives nothing. Points are whole multiples of 1 ÷ the programme's scale, so arithmetic is exact.
Each line of the file becomes one small function, made once per bound programme: ``tests`` for conditions and derived
values, ``points`` for shapes, ``lines`` for items and scores, ``plan`` for all of them together, ``engine`` to run them.
"""

from anju.policy.interpret.engine import Interpreter, Sheet
from anju.policy.interpret.plan import Service
from anju.policy.interpret.verdict import Given, Verdict

__all__ = ["Given", "Interpreter", "Service", "Sheet", "Verdict"]
