"""Templates and styles keep to the house: no inline code, own audience, both languages, readable colours."""

from __future__ import annotations

import gettext
import io
import re
from pathlib import Path

import pytest

from anju.web.shell import assets, words

WEB = Path(words.WEB)
TEMPLATES = sorted([*WEB.glob("*/templates/**/*.html"), *WEB.glob("*/compiled/**/*.html")])
AUDIENCES = sorted({p.relative_to(WEB).parts[0] for p in TEMPLATES})
LONGEST = 70
INLINE = {
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)", re.I),
    "an inline style": re.compile(r"<style\b|\sstyle\s*=", re.I),
    "an event handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.I),
    "a script address": re.compile(r"javascript:", re.I),
    "code for htmx to run": re.compile(r"hx-on|hx-vars|\bjs:", re.I),
}
REFERS = re.compile(r"""\{%\s*(?:extends|include|import|from)\s+["']([a-z_]+)/""")
TRANS = re.compile(r"""\{%\s*trans(?:late)?\s+(?:"([^"]+)"|'([^']+)')""")
BLOCK = re.compile(r"\{%\s*blocktrans(?:late)?\b.*?%\}(.*?)\{%\s*endblocktrans", re.S)
FILTERED = re.compile(r"""(?:"([^"]+)"|'([^']+)')\s*\|\s*_n?\b""")
"""A sentence of a compiled body: a literal through the filter ``_`` or ``_n``."""
SAID = re.compile(r"""(?:\b_|gettext_noop|gettext_lazy)\(\s*"([^"]+)"\s*\)""")
HAN = re.compile(r"[\u4e00-\u9fff]")


def named(path: Path) -> str:
    return str(path.relative_to(WEB))


def test_templates_are_found() -> None:
    assert len(TEMPLATES) > 40
    assert {"shell", "staff", "entrance"} <= set(AUDIENCES)


@pytest.mark.parametrize("what", INLINE)
def test_no_template_holds_code_a_strict_policy_would_block(what: str) -> None:
    guilty = [named(p) for p in TEMPLATES if INLINE[what].search(p.read_text(encoding="utf-8"))]
    assert not guilty, f"{what} in {guilty}"


def test_templates_stay_with_their_audience() -> None:
    """A template uses its own audience's parts and the shell's; the shell alone shows the door (account)."""
    strayed = [
        f"{named(p)} -> {other}"
        for p in TEMPLATES
        for other in REFERS.findall(p.read_text(encoding="utf-8"))
        if other in AUDIENCES and other != (own := p.relative_to(WEB).parts[0]) and other != "shell"
        and (own, other) != ("shell", "account")
    ]  # fmt: skip
    assert not strayed


def test_no_link_saves_whatever_comes() -> None:
    """With ``download`` a browser would save the page that asks for a purpose under the file's name."""
    guilty = [
        named(p)
        for p in TEMPLATES
        if re.search(r"<a\b[^<]*\sdownload\b[=>\s]", p.read_text(encoding="utf-8"))
    ]
    assert not guilty


def test_templates_are_small() -> None:
    long = {
        named(p): n for p in TEMPLATES if (n := len(p.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert not long


def sentences(audience: str) -> set[str]:
    found: set[str] = set()
    for path in (WEB / audience).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        found |= {a or b for a, b in TRANS.findall(text) + FILTERED.findall(text)}
        for body in BLOCK.findall(text):
            body = body.split("{% plural %}")[0].replace("%", "%%")
            found.add(re.sub(r"\{\{\s*(\w+)\s*\}\}", r"%(\1)s", body))
    for path in (WEB / audience).rglob("*.py"):
        found |= set(SAID.findall(path.read_text(encoding="utf-8")))
    return {s for s in found if HAN.search(s)}


@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_sentence_has_its_english(audience: str) -> None:
    missing = sorted(sentences(audience) - set(words.english()))
    assert not missing, f"add them to src/anju/web/{audience}/words.yaml"


def test_audiences_agree_and_keep_placeholders() -> None:
    assert not words.clashes()
    pairs = [
        (chinese, english)
        for chinese, told in words.english().items()
        for english in (told if isinstance(told, list) else [told])
    ]
    named = re.compile(r"%\((\w+)\)s")
    assert not [c for c, e in pairs if set(named.findall(c)) != set(named.findall(e))]
    examples = re.compile(r"建设路\S*|张小三|公民身份号码")
    assert not [c for c, e in pairs if HAN.search(examples.sub("", e))]


def test_catalogue_is_read_by_gettext(tmp_path: Path) -> None:
    import gettext

    words.compile_into(tmp_path)
    english = gettext.translation("django", tmp_path, ["en"])
    assert english.gettext("查找人员") == "Find a person"
    assert english.ngettext("%(n)s 人在住", "%(n)s 人在住", 1) == "%(n)s person lives here"
    assert english.ngettext("%(n)s 人在住", "%(n)s 人在住", 7) == "%(n)s people live here"


def test_a_sentence_with_a_percent_sign_is_put_into_english() -> None:
    """Django's tag asks for it with the sign doubled."""
    made = gettext.GNUTranslations(
        io.BytesIO(words.catalogue({"95 % 区间": "95 % interval", "%(n)s 人": "%(n)s people"}))
    )
    assert made.gettext("95 %% 区间") == "95 %% interval"
    assert made.gettext("95 % 区间") == "95 % interval"
    assert made.gettext("%(n)s 人") == "%(n)s people"


@pytest.mark.skipif(not assets.NODE_MODULES.is_dir(), reason="npm packages are not installed: run make setup")
def test_every_icon_and_served_file_exists() -> None:
    wanted: set[str] = set()
    for path in [*TEMPLATES, *WEB.rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        wanted |= set(re.findall(r"""\{%\s*icon\s+["']([a-z0-9-]+)["']""", text))
        wanted |= set(re.findall(r"""\{%\s*empty\s+\w+\s+\S+\s+["']([a-z0-9-]+)["']""", text))
        wanted |= set(re.findall(r"""Entry\("[\w:]+",\s*_\("[^"]+"\),\s*"([a-z0-9-]+)\"""", text))
    assert not sorted(name for name in wanted if not assets.icon(name))
    assert all((assets.NODE_MODULES / name).is_file() for name in assets.SERVED)
    finder = assets.NpmFinder()
    assert finder.find("npm/htmx.org/dist/htmx.min.js")
    assert not finder.find("npm/htmx.org/package.json")
    assert not finder.find("npm/../package.json")


def tokens(dark: bool) -> dict[str, str]:
    css = (WEB / "shell" / "static" / "shell" / "tokens.css").read_text(encoding="utf-8")
    light_part, _, rest = css.partition('[data-bs-theme="dark"] {')
    found = dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6});", light_part))
    return found | (
        dict(re.findall(r"--([a-z0-9-]+):\s*(#[0-9a-f]{6});", rest.split("}")[0])) if dark else {}
    )


def contrast(one: str, other: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


GROUNDS = ("paper", "ground", "sunk")
PAIRS = [
    *[(text, ground) for text in ("ink", "ink-2", "ink-3", "accent", "accent-deep") for ground in GROUNDS],
    *[(tone, f"{tone}-wash") for tone in ("signal", "good", "bad", "calm")],
    *[(text, "accent-wash") for text in ("ink", "accent", "accent-deep")],
    ("on-accent", "accent"), ("on-accent", "accent-deep"), ("bad", "paper"), ("ink-2", "signal-wash"),
]  # fmt: skip


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_is_readable_on_its_ground(dark: bool) -> None:
    colour = tokens(dark)
    faint = {f"{a} on {b}": round(r, 2) for a, b in PAIRS if (r := contrast(colour[a], colour[b])) < 4.5}
    assert not faint
    lines = {c: round(r, 2) for c in ("control", "accent") if (r := contrast(colour[c], colour["paper"])) < 3}
    assert not lines, "borders of fields and the focus ring need 3:1"


def test_colours_come_from_the_tokens_alone() -> None:
    strayed = []
    for path in WEB.glob("*/static/**/*"):
        if path.suffix in {".css", ".js"} and path.name != "tokens.css":
            text = re.sub(r"@media print \{.*", "", path.read_text(encoding="utf-8"), flags=re.S)
            strayed += [
                f"{path.name}: {c}" for c in re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;\s,)])|rgba?\(", text)
            ]
    assert not strayed
