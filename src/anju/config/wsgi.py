"""The WSGI application, for any server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anju.config.settings")
application = get_wsgi_application()

from anju.jobs import handover  # noqa: E402 - needs Django ready

handover.give()
