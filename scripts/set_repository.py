"""Make every badge, clone line, install line and set-up cell point to this repository's address.

    python scripts/set_repository.py                  the address of `git remote get-url origin`
    python scripts/set_repository.py OWNER/NAME       or a whole https:// or git@ address
    python scripts/set_repository.py --unset          no address: no badges, and lines that hold without one
    python scripts/set_repository.py --check          change nothing; status 1 if something differs

The address stands in one place, ``repository.txt``; README.md, docs/, CITATION.cff and the notebooks are written from
it, and the notebooks' set-up cells from ``scripts/colab_setup_cell.py``. While ``repository.txt`` names the project
this one grew out of, no address is set: that repository has other notebooks and no ``colorize_utils``.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PREDECESSOR = "aandrijana/Image-Colorization-Project"
NAME = r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+?"
CELL = re.compile(rf"(?<=repository = \"https://github\.com/){NAME}(?=\")")
BADGE = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{name}/blob/main/notebooks/{book})"
)
OLD_BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)")
ROW = re.compile(r"^(\| \[[^\]]*\]\(notebooks/([\w.-]+\.ipynb)\))", re.MULTILINE)
BLOCK = re.compile(r"(<!-- repository:(\w+) -->\n).*?(<!-- /repository -->)", re.DOTALL)
# What stands in a text between <!-- repository:KEY --> and <!-- /repository -->: without an address, and with one.
BLOCKS = {
    "note": (
        "No address of its own is set for this copy of the project yet, so there are no *Open in Colab* badges here.\n"
        "`python scripts/set_repository.py OWNER/NAME` sets it, and writes the badges here and into the notebooks.",
        "A badge opens its notebook on Google Colab; its first cell fetches the project from {name}.",
    ),
    "clone": (
        "```\ngit clone ADDRESS ColorizeIMG    # ADDRESS: of the repository that you read this in\ncd ColorizeIMG\n```",
        "```\ngit clone https://github.com/{name} ColorizeIMG\ncd ColorizeIMG\n```",
    ),
    "install": (
        "```\npip install .                    # in the project's folder\n```",
        "```\npip install git+https://github.com/{name}\n```",
    ),
}


def owner_and_name(address):
    """'https://host/owner/name.git', 'git@host:owner/name' or 'owner/name' -> 'owner/name'; ValueError else."""
    found = re.fullmatch(rf"(?:https?://[^/]+/|git@[^:]+:|ssh://git@[^/]+/)?({NAME})(?:\.git)?/?", address.strip())
    if not found:
        raise ValueError(f"expected OWNER/NAME or the address of a repository, got {address.strip()!r}")
    return found.group(1)


def is_set(name):
    """Whether ``name`` is an address of this project's own."""
    return name.lower() != PREDECESSOR.lower()


def with_badges(text, name):
    """A Markdown text: a badge behind every link to a notebook that begins a table's row, or none."""
    text = re.sub(rf" ?{OLD_BADGE.pattern}", "", text)
    if is_set(name):
        text = ROW.sub(lambda row: f"{row[1]} {BADGE.format(name=name, book=row[2])}", text)
    return text


def with_blocks(text, name):
    """A Markdown text with its blocks ``<!-- repository:KEY -->`` filled."""

    def filled(block):
        start, key, end = block.groups()
        return f"{start}{BLOCKS[key][is_set(name)].format(name=name)}\n{end}"

    return BLOCK.sub(filled, text)


def with_citation(text, name):
    """CITATION.cff with its line ``repository-code``, or without."""
    text = re.sub(r"^repository-code: .*\n", "", text, flags=re.MULTILINE)
    if is_set(name):
        text = re.sub(r"^(license: .*\n)", rf'\1repository-code: "https://github.com/{name}"\n', text, flags=re.M)
    return text


def with_cells(text, name, book, cell):
    """A notebook's JSON text: its badge, and its set-up cell (tagged "setup") holding ``cell``.

    Tagged "drive", the cell has Drive switched on.
    """
    notebook = json.loads(text)
    title, _, rest = re.sub(rf"{OLD_BADGE.pattern}\n*", "", "".join(notebook["cells"][0]["source"])).partition("\n")
    badge = f"\n{BADGE.format(name=name, book=book)}\n" if is_set(name) else ""
    notebook["cells"][0]["source"] = f"{title}\n{badge}{rest}".splitlines(keepends=True)
    for part in notebook["cells"]:
        tags = part.get("metadata", {}).get("tags", [])
        if "setup" in tags:
            mine = cell.replace("use_drive = False", "use_drive = True") if "drive" in tags else cell
            part["source"] = mine.rstrip("\n").splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def current(root=ROOT):
    """The address in repository.txt, as 'owner/name'."""
    return owner_and_name((Path(root) / "repository.txt").read_text(encoding="utf-8"))


def changes(name, root=ROOT):
    """The files below ``root`` whose text is not what it should be for the address ``name``: path -> text."""
    root = Path(root)
    cell = CELL.sub(name, (root / "scripts" / "colab_setup_cell.py").read_text(encoding="utf-8"))
    wanted = {
        root / "scripts" / "colab_setup_cell.py": lambda text: cell,
        root / "CITATION.cff": lambda text: with_citation(text, name),
    }
    for path in [root / "README.md", *(root / "docs").glob("*.md")]:
        wanted[path] = lambda text: with_badges(with_blocks(text, name), name)
    for path in (root / "notebooks").glob("*.ipynb"):
        wanted[path] = lambda text, book=path.name: with_cells(text, name, book, cell)
    old = {path: path.read_text(encoding="utf-8") for path in sorted(wanted) if path.is_file()}
    new = {path: wanted[path](text) for path, text in old.items()}
    return {path: text for path, text in new.items() if text != old[path]}


def _asked(given):
    """The address that the command line asks for."""
    if given == ["--unset"]:
        return PREDECESSOR
    if given:
        return owner_and_name(given[0])
    done = subprocess.run(["git", "remote", "get-url", "origin"], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise ValueError("expected an address or a git remote called origin, found neither")
    return owner_and_name(done.stdout)


def main(argv, root=ROOT):
    """Rewrite or check. Returns the exit status."""
    check = "--check" in argv
    try:
        name = current(root) if check else _asked(argv)
    except ValueError as error:
        print(f"set_repository: {error}", file=sys.stderr)
        return 2
    wanted = changes(name, root)
    for path, text in wanted.items():
        print(f"{path.relative_to(root)}: {'differs' if check else 'rewritten'}")
        if not check:
            path.write_text(text, encoding="utf-8", newline="\n")
    if not check:
        (Path(root) / "repository.txt").write_text(f"{name}\n", encoding="utf-8")
    return 1 if check and wanted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
