"""The WSGI application, for any server."""

import os

from django.core.wsgi import get_wsgi_application

from anju.jobs.ending import end_with_parent
from anju.jobs.scratch import hold_temporary_files
from anju.web.shell.whole import whole

end_with_parent()
hold_temporary_files()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anju.config.settings")
os.environ.setdefault("ANJU_DB_ROLE", "anju_web")  # what serves pages sees no person-level row by itself
application = whole(get_wsgi_application())
