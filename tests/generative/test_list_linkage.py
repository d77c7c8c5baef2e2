"""Any list: duplicates with slips from seeds nobody has tuned to, in and outside Chinese; columns are guessed, not told."""

from __future__ import annotations

import csv
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from anju.jobs.pipeline import lists
from anju.kernel.identifiers import citizen_check

sys.path.insert(0, str(Path(__file__).parent))
import chinese_lists
from febrl_people import GIVEN, SURNAMES, TOWNS, families, rows


def write(path: Path, of: Sequence[dict[str, str]], encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, list(of[0]))
        writer.writeheader()
        writer.writerows(of)
    return path


def quality(out: Path, truth: str) -> tuple[float, float]:
    """Precision and recall over pairs of rows of ``clusters.csv``, which carries the truth beside the cluster."""
    with (out / "clusters.csv").open(encoding="utf-8-sig") as stream:
        told = list(csv.DictReader(stream))

    def pairs(*columns: str) -> int:
        return sum(n * (n - 1) // 2 for n in Counter(tuple(r[c] for c in columns) for r in told).values())

    both = pairs("cluster", truth)
    return both / max(pairs("cluster"), 1), both / pairs(truth)


def f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize(("seed", "most", "slips"), [(3027, 5, 10), (4081, 1, 8)])
def test_lists_in_the_way_of_febrl(tmp_path: Path, seed: int, most: int, slips: int) -> None:
    made = rows(800, seed, most, slips)
    summary = lists.run([write(tmp_path / "list.csv", made)], None, tmp_path / "out")
    assert summary["rows"] == len(made)
    assert f1(*quality(tmp_path / "out", "truth")) >= 0.97


def test_a_family_is_not_one_person(tmp_path: Path) -> None:
    made = families(900, 5011)
    lists.run([write(tmp_path / "list.csv", made)], None, tmp_path / "out")
    precision, recall = quality(tmp_path / "out", "truth")
    assert precision >= 0.97
    assert recall >= 0.93


def test_a_whole_name_beside_its_parts_counts_once(tmp_path: Path) -> None:
    made = [{"full_name": f"{r['given_name']} {r['surname']}", **r} for r in families(500, 5012)]
    lists.run([write(tmp_path / "list.csv", made)], None, tmp_path / "out")
    assert quality(tmp_path / "out", "truth")[0] >= 0.97


def test_many_namesakes_whose_mail_is_made_of_the_name_are_many_people(tmp_path: Path) -> None:
    dice, made = random.Random(5014), []
    for who in range(9000):
        first, last = dice.choice(GIVEN[:20]), dice.choice(SURNAMES[:20])
        row = {
            "First Name": first,
            "Last Name": last,
            "DOB": f"{dice.randrange(1940, 2005)}-{dice.randrange(1, 13):02d}-{dice.randrange(1, 29):02d}",
            "City": dice.choice(TOWNS),
            "E-mail": f"{first[0]}{last}{dice.randrange(100_000)}@example.org",
            "Phone": f"0{dice.randrange(10**8, 10**9)}",
            "truth": str(who),
        }
        made += [row, row | {"Phone": ""}] if who % 10 == 0 else [row]
    lists.run([write(tmp_path / "list.csv", made)], None, tmp_path / "out")
    precision, recall = quality(tmp_path / "out", "truth")
    assert precision >= 0.98
    assert recall >= 0.98


def test_lists_that_write_names_and_days_otherwise(tmp_path: Path) -> None:
    made, one, two = families(700, 5013), [], []
    for n, r in enumerate(made):
        born = r["date_of_birth"]
        if n % 2:
            day = f"{born[4:6]}/{born[6:]}/{born[:4]}" if len(born) == 8 else born
            one.append({"First Name": r["given_name"], "Last Name": r["surname"], "DOB": day})
        else:
            two.append(
                {"Client": f"{r['surname'].upper()}, {r['given_name'].title()}", "Date of birth": born}
            )
        (one if n % 2 else two)[-1] |= {"Phone": r["telephone"], "truth": r["truth"]}
    out = tmp_path / "out"
    lists.run([write(tmp_path / "one.csv", one), write(tmp_path / "two.csv", two)], None, out)
    precision, recall = quality(out, "truth")
    assert precision >= 0.97
    assert recall >= 0.75


def test_few_columns_of_a_list_join_with_care(tmp_path: Path) -> None:
    made = [
        {k: r[k] for k in ("given_name", "surname", "date_of_birth", "truth")} for r in rows(800, 3028, 3)
    ]
    lists.run([write(tmp_path / "list.csv", made)], None, tmp_path / "out")
    precision, recall = quality(tmp_path / "out", "truth")
    assert precision >= 0.98
    assert recall >= 0.5
    names = [{k: r[k] for k in ("given_name", "surname", "truth")} for r in made]
    summary = lists.run([write(tmp_path / "names.csv", names)], None, tmp_path / "names")
    assert summary["people"] == summary["rows"]


@pytest.mark.parametrize(
    ("seed", "setting", "no_number", "way", "leave", "least"),
    [
        (71, "school", 0.3, "zh2", (), (0.99, 0.97)),
        (72, "clinic", 1.0, "en", ("number", "unit", "kin"), (0.995, 0.93)),
    ],
)
def test_chinese_lists(
    tmp_path: Path,
    seed: int,
    setting: str,
    no_number: float,
    way: str,
    leave: tuple[str, ...],
    least: tuple[float, float],
) -> None:
    made = chinese_lists.headed(
        chinese_lists.rows(800, seed, setting, "real", no_number, leave), way, "truth"
    )
    summary = lists.run([write(tmp_path / "list.csv", made)], None, tmp_path / "out")
    assert summary["language"] == "zh"
    precision, recall = quality(tmp_path / "out", "truth")
    assert (precision, recall) >= least
    assert recall >= least[1]


@pytest.mark.parametrize(("seed", "share", "sign", "least"), [(81, 0.5, "*", 0.95), (82, 1.0, "＊", 0.9)])
def test_masked_numbers_and_phones_tell_what_they_show(
    tmp_path: Path, seed: int, share: float, sign: str, least: float
) -> None:
    """Beside whole ones, and in a list that shows none whole; nobody is joined who is not one person."""
    made = chinese_lists.rows(900, seed, "clinic", "real", 0.1, ("address", "origin", "unit", "kin", "note"))
    of = chinese_lists.headed(chinese_lists.masked(made, seed, share, sign), "zh", "truth")
    lists.run([write(tmp_path / "list.csv", of)], None, tmp_path / "out")
    precision, recall = quality(tmp_path / "out", "truth")
    assert precision >= 0.995
    assert recall >= least


def test_what_masks_hide_is_not_guessed(tmp_path: Path) -> None:
    """Strangers of one name whose shown digits agree: the birthdays say that they are two, or a number that does."""
    his, other = (body + citizen_check(body) for body in ("99010219900101001", "99010219910507001"))
    made = [
        {"姓名": "张伟", "身份证号": hidden(his), "出生日期": "1990-01-01", "手机号": "120****2222"},
        {"姓名": "张伟", "身份证号": hidden(other), "出生日期": "1991-05-07", "手机号": "120****3333"},
        {"姓名": "张伟", "身份证号": his, "出生日期": "", "手机号": ""},
        {"姓名": "李芳", "身份证号": "990102********0022", "出生日期": "", "手机号": "121****2222"},
        {"姓名": "李芳", "身份证号": "990102********0149", "出生日期": "", "手机号": "121****2223"},
    ]
    lists.run([write(tmp_path / "list.csv", made)], None, tmp_path / "out")
    with (tmp_path / "out" / "clusters.csv").open(encoding="utf-8-sig") as stream:
        told = [r["cluster"] for r in csv.DictReader(stream)]
    assert told[0] == told[2], "the birthday completes the number"
    assert len(set(told)) == 4, told


def hidden(number: str) -> str:
    return f"{number[:6]}********{number[-4:]}"


def test_two_chinese_lists_with_other_headings_and_worthless_values(tmp_path: Path) -> None:
    made = chinese_lists.rows(900, 73, "clinic", "mild", 1.0, ("number", "kin", "unit", "origin", "note"))
    for i, row in enumerate(made):
        row["number"] = ("123456789012345678", "111111111111111111", "无")[i % 3]
        row |= {"phone": "12812345670"} if i % 4 == 0 else {"born": "1990-01-01"} if i % 4 == 1 else {}
    half = len(made) // 2
    one = write(tmp_path / "名单.csv", chinese_lists.headed(made[:half], "zh", "truth"), "gb18030")
    two = write(tmp_path / "other.csv", chinese_lists.headed(made[half:], "en", "truth"))
    lists.run([one, two], None, tmp_path / "out")
    precision, recall = quality(tmp_path / "out", "truth")
    assert precision >= 0.99
    assert recall >= 0.85


def test_strangers_of_one_name_are_not_joined(tmp_path: Path) -> None:
    made = [{"姓名": r["name"], "truth": r["truth"]} for r in chinese_lists.rows(800, 74)]
    summary = lists.run([write(tmp_path / "names.csv", made)], None, tmp_path / "out")
    assert summary["people"] == summary["rows"]


def test_a_list_teaches_how_far_it_is_to_be_believed(tmp_path: Path) -> None:
    """Half of its rows know the year of birth alone and the house without the room: so say all rows of everybody."""
    made = []
    for n, p in enumerate(chinese_lists.people(900, 6001, "clinic")):
        suburb, street, house, building, room = p["home"]
        who = {"姓名": p["name"], "性别": "男" if p["sex"] == "male" else "女", "truth": str(n)}
        full = f"{suburb}{street}{house}号{building}栋{room}室"
        made.append(who | {"出生日期": f"{p['born']:%Y-%m-%d}", "住址": full})
        if n % 3:
            made.append(who | {"出生日期": f"{p['born']:%Y}-01-01", "住址": f"{street}{house}号"})
    lists.run([write(tmp_path / "list.csv", made)], None, tmp_path / "out")
    precision, recall = quality(tmp_path / "out", "truth")
    assert precision >= 0.995
    assert recall >= 0.95
