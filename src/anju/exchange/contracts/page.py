"""The interface page of a dataset: what to send, how it may be written, what it becomes, on which law."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from anju.exchange.contracts.codelists import get_codelist
from anju.exchange.contracts.load import list_contracts
from anju.exchange.contracts.model import ADDRESS_PARTS, TYPES, Contract, Field
from anju.register import canon

CYCLES = {"daily": ("每日", "daily"), "weekly": ("每周", "weekly"), "monthly": ("每月", "monthly")}
PRIVACY = {
    "public": ("公开", "public"),
    "internal": ("内部", "internal"),
    "personal": ("个人信息", "personal"),
    "sensitive": ("敏感个人信息", "sensitive"),
}
FORMS: Mapping[str, tuple[str, str]] = {
    "text": ("任意文字，不超过 500 字", "any text up to 500 characters"),
    "name": (
        "汉字、间隔号或拼音；全角、空格与各种间隔号会统一",
        "Chinese characters, middle dots or Latin letters; blanks and dots are made uniform",
    ),
    "citizen_no": (
        "18 位，校验码正确；15 位旧号码自动升位（GB 11643）",
        "18 characters with the right check character; 15-digit numbers are extended (GB 11643)",
    ),
    "credit_code": (
        "18 位，校验码正确（GB 32100）",
        "18 characters with the right check character (GB 32100)",
    ),
    "phone": ("11 位手机号；可带 +86、空格、短横", "11 digits; +86, blanks and hyphens are understood"),
    "date": (
        "2026-01-31、2026/1/31、2026.1.31、20260131、2026年1月31日、二〇二六年一月三十一日、表格序号；可带时间，如 20260131083000",
        "2026-01-31, 2026/1/31, 2026.1.31, 20260131, 2026年1月31日, in Chinese numerals, or a spreadsheet's serial; "
        "the time of day may follow (20260131083000)",
    ),
    "month": ("2026-01、2026/1、2026.01、202601、2026年1月", "2026-01, 2026/1, 2026.01, 202601, 2026年1月"),
    "code": ("代码或名称，见代码表", "the code or its name, see the code list"),
    "flag": ("是/否、1/0、Y/N、有/没有、已/未", "是/否, 1/0, Y/N"),
    "division": (
        "6、9、12 位区划代码，可用旧代码处自动换成现行代码；或区划名称，省、市可简称（广东深圳宝安区、北京）（GB/T 2260）",
        "a division code of 6, 9 or 12 digits, or its name, province and city in short too (GB/T 2260)",
    ),
    "address": (
        "一行写全：区县、街道、社区、街路、门牌、楼栋、单元、室",
        "in one line: district, sub-district, community, street, number, building, unit, room",
    ),
    "money": ("数字，可带千分位、元、万", "a number; thousands separators, 元 and 万 are understood"),
    "area": ("数字，可带单位", "a number, with or without the unit"),
    "decimal": ("数字", "a number"),
    "integer": ("整数", "a whole number"),
    "grade": ("1–9、三年级、初二、大班", "1–9, 三年级, 初二, 大班"),
}
ASPECT_ZH = {
    "person": "人员", "stay": "居住", "permit": "居住证", "job": "就业", "contribution": "缴费", "enrolment": "就读",
    "kin": "亲属", "tax": "纳税", "skill": "技能", "land": "承包地", "aid": "法律援助", "health": "健康档案",
    "dwelling": "房屋", "employer": "用人单位",
}  # fmt: skip


def page(contract: Contract) -> str:
    """The page as Markdown, Chinese first, English beside it."""
    return (
        "\n".join([*_head(contract), *_fields(contract), *_codes(contract), *_rules(contract)]).rstrip()
        + "\n"
    )


def as_data(contract: Contract) -> dict[str, Any]:
    """The page as plain values, for JSON."""
    return {
        "id": contract.id,
        "version": contract.version,
        "status": contract.status,
        "name": {"zh": contract.zh, "en": contract.en},
        "department": contract.department,
        "channel": contract.channel or "department",
        "row": contract.row,
        "legalBasis": contract.legal_basis,
        "cycle": contract.cycle,
        "match": list(contract.match),
        "key": list(contract.key),
        "observed": contract.observed,
        "authority": dict(contract.authority),
        "constants": dict(contract.constants),
        "columns": list(contract.columns()),
        "fields": [_field_data(f) for f in contract.fields],
    }


def _field_data(field: Field) -> dict[str, Any]:
    codes: dict[str, Any] = {}
    if field.codes is not None:
        codes = dict(field.codes)
    elif field.type == "code":
        codes = {code: zh for code, (zh, _) in get_codelist(field.standard).labels.items()}
    return {
        "name": field.name,
        "en": field.en,
        "also": list(field.also),
        "type": field.type,
        "standard": _standard(field),
        "unit": field.unit,
        "required": field.required,
        "classification": field.classification,
        "to": list(field.to),
        "inclusive": field.inclusive,
        "fault": field.fault,
        "codes": codes,
    }


def _head(contract: Contract) -> Iterable[str]:
    department = get_codelist("department").labels[contract.department]
    channel = get_codelist("channel").labels[contract.channel or "department"]
    cycle = CYCLES.get(contract.cycle, (contract.cycle, contract.cycle))
    yield f"# {contract.zh} · {contract.en}"
    yield ""
    yield f"`{contract.id}` {contract.version}"
    yield ""
    yield f"{contract.about_zh} {contract.about_en}"
    yield ""
    rows = [
        ("部门 Department", f"{department[0]} · {department[1]}"),
        ("渠道 Channel", f"{channel[0]} · {channel[1]}"),
        ("一行是什么 One row is", contract.row),
        ("主键 Key", "、".join(contract.key)),
        ("确认日 Confirmed on", contract.observed),
        ("法律依据 Legal basis", contract.legal_basis),
        ("周期 Cycle", f"{cycle[0]} · {cycle[1]}"),
        ("文件名 File name", "、".join(f"`{m}`" for m in contract.match)),
        ("格式 Format", "CSV (UTF-8, GB 18030), XLSX, NDJSON, Parquet"),
    ]
    if contract.deleted:
        field, values = contract.deleted
        said = [label for label, code in (contract.field(field).codes or {}).items() if code in values]
        rows.append(("撤回 Withdrawn", f"{field} = {'、'.join(said)}"))
    yield from _table(("", ""), rows)


def _fields(contract: Contract) -> Iterable[str]:
    yield "## 字段 Fields"
    yield ""
    yield from _table(
        ("字段 Field", "含义 Meaning", "类型 Type", "标准、单位 Standard, unit", "必填 Required", "分级 Privacy", "对应 Becomes"),
        [
            (
                "、".join(f.headers),
                f.en,
                " · ".join(TYPES[f.type]),
                _standard(f) or f.unit or "–",
                "是 yes" if f.required else "–",
                " · ".join(PRIVACY[f.classification]),
                _becomes(f),
            )
            for f in contract.fields
        ],
    )  # fmt: skip
    if contract.constants:
        yield "不报送、由本约定给出 Given by the contract itself: " + "、".join(
            f"`{column}` = `{value}`" for column, value in contract.constants.items()
        )
        yield ""


def _standard(field: Field) -> str:
    if field.type == "code":
        return get_codelist(field.standard).standard if field.standard else ""
    own = {"citizen_no": "GB 11643", "credit_code": "GB 32100", "division": "GB/T 2260"}
    return own.get(field.type, "")


def _becomes(field: Field) -> str:
    if not field.to:
        return "–"
    if field.type == "address":
        return "、".join(f"`{t}.`" + "/".join(ADDRESS_PARTS) for t in field.to)
    told = "、".join(f"`{t}`" for t in field.to)
    return told + ("（所写为最后一日/月 the last one is stated）" if field.inclusive else "")


def _codes(contract: Contract) -> Iterable[str]:
    yield "## 写法 How values may be written"
    yield ""
    kinds = dict.fromkeys(f.type for f in contract.fields)
    yield from _table(("类型 Type", "写法", "Writing"), [(TYPES[k][0], *FORMS[k]) for k in kinds])
    standards = dict.fromkeys(f.standard for f in contract.fields if f.type == "code" and f.standard)
    for name in standards:
        codes = get_codelist(name)
        yield f"### {codes.zh} {codes.en} ({codes.standard})"
        yield ""
        yield from _table(
            ("代码 Code", "名称", "Name"), [(f"`{code}`", zh, en) for code, (zh, en) in codes.labels.items()]
        )
    for field in contract.fields:
        if field.codes:
            yield f"### {field.name} {field.en}"
            yield ""
            yield from _table(("写法 Written", "代码 Code"), [(k, f"`{v}`") for k, v in field.codes.items()])


def _rules(contract: Contract) -> Iterable[str]:
    yield "## 检查与采信 Checks and authority"
    yield ""
    held = "、".join(f.name for f in contract.fields if f.fault == "hold")
    noted = "、".join(f.name for f in contract.fields if f.fault == "note")
    yield f"- 读不懂即退回整行 The row is held when unreadable: {held}"
    if noted:
        yield f"- 读不懂则记录、不退回 Noted when unreadable, the row is kept: {noted}"
    yield f"- 超过 {contract.refuse_share:.0%} 的行不合格时整份退回 The file is refused when more rows than this are faulty."
    yield "- 写作 空、-、/、无、不详、未知、NULL、N/A 均视为未填 These words mean *not stated*."
    yield ""
    yield from _table(
        ("事实 Fact", "采信次序 Rank"),
        [(_fact(column), str(rank)) for column, rank in sorted(contract.authority.items(), key=lambda a: (a[1], a[0]))],
    )  # fmt: skip


def _fact(name: str) -> str:
    if name in canon.ASPECTS:
        return f"{ASPECT_ZH[name]} `{name}`"
    return f"{canon.column(name).zh} `{name}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
    yield ""


def index() -> str:
    """The list of all pages as Markdown."""
    lines = [
        "# 数据约定 Data contracts",
        "",
        "由 `anju exchange docs` 生成。 Written by `anju exchange docs`.",
        "",
    ]
    departments = get_codelist("department").labels
    rows = [
        (f"[{c.zh} · {c.en}]({c.id}.md)", " · ".join(departments[c.department]), CYCLES[c.cycle][0], str(len(c.fields)))
        for c in list_contracts()
    ]  # fmt: skip
    lines += _table(("数据集 Dataset", "部门 Department", "周期 Cycle", "字段 Fields"), rows)
    return "\n".join(lines).rstrip() + "\n"


def pages() -> dict[str, str]:
    """Every page by file name."""
    return {"README.md": index(), **{f"{c.id}.md": page(c) for c in list_contracts()}}


def differences(folder: Path) -> list[str]:
    """Names of pages in ``folder`` that are missing, out of date or of no contract."""
    wanted = pages()
    there = {p.name: p.read_text(encoding="utf-8") for p in folder.glob("*.md")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def write(folder: Path) -> list[str]:
    """Bring ``folder`` up to date; returns the names that changed."""
    changed = differences(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed
