"""Front-end files: the few that are served out of ``node_modules``, and where an icon's drawing is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage
from django.utils._os import safe_join
from whitenoise.storage import CompressedManifestStaticFilesStorage

ROOT = Path(__file__).resolve().parents[4]
NODE_MODULES = ROOT / "node_modules"
PREFIX = "npm"
SERVED = (
    "@tabler/core/dist/css/tabler.min.css",
    "htmx.org/dist/htmx.min.js",
    "echarts/dist/echarts.min.js",
    "maplibre-gl/dist/maplibre-gl.css",
    "maplibre-gl/dist/maplibre-gl-csp.js",
    "maplibre-gl/dist/maplibre-gl-csp-worker.js",
)
"""Nothing else of the packages is served: a package's folder may hold anything."""


class NpmFinder(BaseFinder):
    """Finds ``npm/<path>`` for the paths in ``SERVED`` alone."""

    def __init__(self, app_names: Iterable[str] | None = None, *args: Any, **kwargs: Any) -> None:
        self.storage = FileSystemStorage(location=NODE_MODULES)
        self.storage.prefix = PREFIX  # type: ignore[attr-defined]
        super().__init__(*args, **kwargs)

    def check(self, **kwargs: Any) -> list[Any]:
        """Nothing to check: a missing package is told by ``anju doctor`` and ``make setup``."""
        return []

    def missing(self) -> list[str]:
        """Served files that are not installed."""
        return [name for name in SERVED if not (NODE_MODULES / name).is_file()]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> str | list[str]:
        """The file's place on disk; an empty list when it is not served."""
        name = path.removeprefix(f"{PREFIX}/")
        if name == path or name not in SERVED or not (NODE_MODULES / name).is_file():
            return []
        found = safe_join(str(NODE_MODULES), name)
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        """Every served file that is installed."""
        return ((name, self.storage) for name in SERVED if (NODE_MODULES / name).is_file())


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Files under names with their hash, compressed once. Source maps are not served, so nothing may refer to them."""

    patterns = tuple(
        (glob, tuple(p for p in found if "sourceMappingURL" not in str(p)))
        for glob, found in CompressedManifestStaticFilesStorage.patterns
    )


@lru_cache(maxsize=512)
def icon(name: str) -> str:
    """An icon's SVG from the Tabler set, made for sitting in a line of text; empty when it is not installed."""
    path = NODE_MODULES / "@tabler" / "icons" / "icons" / "outline" / f"{name}.svg"
    if not path.is_file():
        return ""
    drawn = path.read_text(encoding="utf-8")
    body = drawn[drawn.index(">", drawn.index("<svg")) + 1 : drawn.rindex("</svg>")]
    body = " ".join(body.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "").split())
    return (
        '<svg class="icon" viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" '
        'stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" '
        f'focusable="false">{body}</svg>'
    )
