"""From a file to the checked model: everything is checked at once, and every fault told with place and remedy."""

from anju.policy.loading.files import Loaded, build, check, find, get, load_file, versions

__all__ = ["Loaded", "build", "check", "find", "get", "load_file", "versions"]
