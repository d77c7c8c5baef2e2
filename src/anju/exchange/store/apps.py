from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    """The tables of the exchange room."""

    name = "anju.exchange.store"
    label = "exchange"
    default_auto_field = "django.db.models.BigAutoField"
