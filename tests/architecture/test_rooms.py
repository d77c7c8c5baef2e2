"""The house keeps its shape: what import-linter cannot see is held here."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps

SOURCE = Path(__file__).parents[2] / "src" / "anju"
LAYERS = (
    ("kernel",),
    ("policy", "trust", "city"),
    ("register",),
    ("services", "community", "exchange"),
    ("insight",),
    ("web", "jobs"),
    ("config",),
)
HEIGHT = {room: height for height, rooms in enumerate(LAYERS) for room in rooms}
ROOMS = sorted(p.name for p in SOURCE.iterdir() if (p / "__init__.py").is_file())
DJANGO_ROOMS = {"web", "jobs", "config"}


def python_files(*, room: str | None = None) -> list[Path]:
    return sorted((SOURCE / room if room else SOURCE).rglob("*.py"))


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_room_has_a_layer_and_a_charter() -> None:
    assert set(ROOMS) == set(HEIGHT)
    for room in ROOMS:
        charter = (
            ast.get_docstring(ast.parse((SOURCE / room / "__init__.py").read_text(encoding="utf-8"))) or ""
        )
        assert all(f"{word}" in charter for word in ("Owns:", "May import:", "Never:")), room


def test_imports_point_down() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], capture_output=True, text=True, cwd=SOURCE.parents[1], check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", python_files(), ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_django_stays_in_its_places(path: Path) -> None:
    parts = path.relative_to(SOURCE).parts
    if parts[0] in DJANGO_ROOMS or "store" in parts:
        return
    assert not {name for name in imported(path) if name.split(".")[0] in {"django", "ninja"}}


@pytest.mark.parametrize("path", python_files(), ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_only_jobs_opens_a_columnar_engine(path: Path) -> None:
    if path.relative_to(SOURCE).parts[0] != "jobs":
        assert not {n for n in imported(path) if n.split(".")[0] in {"duckdb", "pyspark"}}


@pytest.mark.parametrize("path", python_files(), ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_models_are_private_to_their_room(path: Path) -> None:
    """Another room's rows are reached through its queries and actions, never its models."""
    room = path.relative_to(SOURCE).parts[0]
    strangers = {
        name
        for name in imported(path)
        if name.startswith("anju.") and ".store.models" in name and name.split(".")[1] != room
    }
    # A foreign key may point down the layers; only another models module may say so.
    if path.name == "models.py" or "migrations" in path.parts:
        strangers = {n for n in strangers if HEIGHT[n.split(".")[1]] >= HEIGHT[room]}
    assert not strangers


def test_the_pure_rooms_import_with_django_blocked() -> None:
    modules = [
        ".".join(("anju", *p.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
        for p in python_files()
        if p.relative_to(SOURCE).parts[0] not in DJANGO_ROOMS and "store" not in p.parts
    ]
    script = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'django': raise ImportError('Django is blocked: ' + name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "import importlib\n"
        f"[importlib.import_module(m) for m in {[m for m in modules if not m.endswith('__main__')]!r}]\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_foreign_keys_point_down() -> None:
    for config in apps.get_app_configs():
        if not config.name.startswith("anju."):
            continue
        room = config.name.split(".")[1]
        for model in config.get_models():
            for field in model._meta.get_fields():
                target = getattr(field, "related_model", None) if getattr(field, "concrete", False) else None
                if target is not None and target.__module__.startswith("anju."):
                    other = target.__module__.split(".")[1]
                    assert other == room or HEIGHT[other] < HEIGHT[room], f"{model.__name__}.{field.name}"


FORBIDDEN_WORDS = (
    "ethnic", "nationality_group", "minzu", "民族", "religion", "宗教", "political_status", "政治面貌",
    "fingerprint", "指纹", "face_feature", "人脸", "biometric", "fertility", "生育", "pregnan", "contracepti",
    "risk_score", "credit_score", "watch_list", "重点人员",
)  # fmt: skip


def test_no_column_or_contract_field_for_what_is_not_built() -> None:
    from anju.register import canon

    names = [f"{a.name}.{c.name} {c.zh}" for a in canon.ASPECTS.values() for c in a.columns]
    names += [
        f"{m.__name__}.{f.name} {getattr(f, 'column', '')}"
        for m in apps.get_models()
        if m.__module__.startswith("anju.")
        for f in m._meta.get_fields()
    ]
    import yaml

    for path in (SOURCE.parents[1] / "packs").rglob("contracts/*.yaml"):
        contract = yaml.safe_load(path.read_text(encoding="utf-8"))
        names += [f"{path.stem}: {p['name']} {p.get('en', '')}" for p in contract.get("properties", ())]
    wrong = [n for n in names for word in FORBIDDEN_WORDS if word in n.lower()]
    assert not wrong


def test_no_place_name_under_src() -> None:
    """What differs from place to place stands in packs. (The embedded alphabet of examples is exempt.)"""
    places = (
        "和安市",
        "北京市",
        "上海市",
        "广州市",
        "深圳市",
        "东莞市",
        "佛山市",
        "中山市",
        "厦门市",
        "天津市",
    )
    found = [
        f"{path.relative_to(SOURCE)}: {place}"
        for path in [*python_files(), *SOURCE.rglob("*.html")]
        for place in places
        if place in path.read_text(encoding="utf-8")
    ]
    assert not found
