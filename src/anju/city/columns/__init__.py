"""What stands in each column: one small function a kind of value, named in the departments' layouts."""

from anju.city.columns.household import PersonColumns
from anju.city.columns.places import PlaceColumns
from anju.city.holdings import ABOUT_NOBODY

__all__ = ["PersonColumns", "PlaceColumns", "columns_for"]


def columns_for(dataset: str) -> type[PersonColumns]:
    """The columns of a dataset about people, or about places."""
    return PlaceColumns if dataset in ABOUT_NOBODY else PersonColumns
