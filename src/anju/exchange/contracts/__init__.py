"""Contracts: what each department sends, as one readable file per dataset, and what it means here.

Owns: reading and checking ``packs/*/contracts/*.yaml``, the code lists they name, the interface page.
May import: register.canon, kernel. No Django, no engine.
Never: reads a department's data.
"""

from anju.exchange.contracts.codelists import CodeList, get_codelist
from anju.exchange.contracts.load import find_contract, get_contract, list_contracts
from anju.exchange.contracts.model import Contract, Field

__all__ = [
    "CodeList",
    "Contract",
    "Field",
    "find_contract",
    "get_codelist",
    "get_contract",
    "list_contracts",
]
