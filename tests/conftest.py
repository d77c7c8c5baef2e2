"""Every test run, and every worker of it, has a home of its own: its embedded PostgreSQL, lake and keys go when the run ends."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

if "ANJU_TEST_HOME" not in os.environ:
    os.environ["ANJU_TEST_HOME"] = tempfile.mkdtemp(prefix="anju-test-")
    atexit.register(shutil.rmtree, os.environ["ANJU_TEST_HOME"], ignore_errors=True)
# Workers side by side share the database server (Django was set up in the first process), never a lake: what one sweeps
# away another would miss.
os.environ["ANJU_HOME"] = os.path.join(  # noqa: PTH118
    os.environ["ANJU_TEST_HOME"], os.environ.get("PYTEST_XDIST_WORKER", "alone")
)
os.environ.setdefault("ANJU_PLACE", "demo")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
# Named here, not in the project file: pytest-django would read settings from there before the home is set.
os.environ["DJANGO_SETTINGS_MODULE"] = "anju.config.settings"

import django  # pytest-django looks whether it is imported

django.setup()
