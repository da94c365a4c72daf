"""Make every badge, clone line and set-up cell point to this repository's address.

    python scripts/set_repository.py                  the address of `git remote get-url origin`
    python scripts/set_repository.py OWNER/NAME       or a whole https:// or git@ address
    python scripts/set_repository.py --check          change nothing; status 1 if something differs

The address stands in one place, ``repository.txt``; what is in README.md and the notebooks is written from it, and the
notebooks' set-up cells from ``scripts/colab_setup_cell.py``.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+?"
PLACES = [
    re.compile(rf"(?<=colab\.research\.google\.com/github/){NAME}(?=/blob/main/)"),
    re.compile(rf"(?<=repository = \"https://github\.com/){NAME}(?=\")"),
    re.compile(rf"(?<=repository = \\\"https://github\.com/){NAME}(?=\\\")"),
    re.compile(rf"(?<=git clone https://github\.com/){NAME}(?=[\s`)\"]|\.git)"),
    re.compile(rf"(?<=git\+https://github\.com/){NAME}(?=[\s`)\"]|\.git)"),
    re.compile(rf"(?<=repository-code: \"https://github\.com/){NAME}(?=\")"),
]
FILES = ["README.md", "CITATION.cff", "scripts/colab_setup_cell.py"]


def owner_and_name(address):
    """'https://host/owner/name.git', 'git@host:owner/name' or 'owner/name' -> 'owner/name'; ValueError else."""
    found = re.fullmatch(rf"(?:https?://[^/]+/|git@[^:]+:|ssh://git@[^/]+/)?({NAME})(?:\.git)?/?", address.strip())
    if not found:
        raise ValueError(f"expected OWNER/NAME or the address of a repository, got {address.strip()!r}")
    return found.group(1)


def rewritten(text, name):
    """``text`` with every address of the project replaced by that of ``name``."""
    for place in PLACES:
        text = place.sub(name, text)
    return text


def with_setup_cell(text, cell):
    """A notebook's JSON text with its set-up cell (tagged "setup") holding ``cell``; tagged "drive", Drive is on."""
    import json

    book = json.loads(text)
    for part in book["cells"]:
        tags = part.get("metadata", {}).get("tags", [])
        if "setup" in tags:
            mine = cell.replace("use_drive = False", "use_drive = True") if "drive" in tags else cell
            part["source"] = mine.rstrip("\n").splitlines(keepends=True)
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def current():
    """The address in repository.txt, as 'owner/name'."""
    return owner_and_name((ROOT / "repository.txt").read_text(encoding="utf-8"))


def changes(name):
    """The files whose text is not what it should be for the address ``name``: path -> text."""
    wanted = {}
    for path in [*(ROOT / f for f in FILES), *sorted((ROOT / "notebooks").glob("*.ipynb"))]:
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        new = rewritten(text, name)
        if path.suffix == ".ipynb":
            cell = rewritten((ROOT / "scripts" / "colab_setup_cell.py").read_text(encoding="utf-8"), name)
            new = with_setup_cell(new, cell)
        if new != text:
            wanted[path] = new
    return wanted


def main(argv):
    """Rewrite or check. Returns the exit status."""
    check = "--check" in argv
    given = [a for a in argv if a != "--check"]
    try:
        if check:
            name = current()
        elif given:
            name = owner_and_name(given[0])
        else:
            done = subprocess.run(["git", "remote", "get-url", "origin"], capture_output=True, text=True, cwd=ROOT)
            if done.returncode:
                raise ValueError("expected an address or a git remote called origin, found neither")
            name = owner_and_name(done.stdout)
    except ValueError as error:
        print(f"set_repository: {error}", file=sys.stderr)
        return 2
    wanted = changes(name)
    for path, text in wanted.items():
        print(f"{path.relative_to(ROOT)}: {'differs' if check else 'rewritten'}")
        if not check:
            path.write_text(text, encoding="utf-8", newline="\n")
    if not check:
        (ROOT / "repository.txt").write_text(f"{name}\n", encoding="utf-8")
    return 1 if check and wanted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
