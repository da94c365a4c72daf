"""Ask the published advisories about the lowest versions that the requirements allow.

    pip install pip-audit
    python scripts/audit_floors.py

Prints each advisory that the floors have and their releases to come have not; exit status 1 if there is one, or if
nothing could be asked.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FLOOR = re.compile(r"^([A-Za-z0-9._-]+)\s*>=\s*([0-9][0-9a-z.]*)", re.MULTILINE)


def floors():
    """Package -> the lowest version that the files of requirements allow."""
    names = sorted(ROOT.glob("requirements*.txt"))
    return {package: floor for name in names for package, floor in FLOOR.findall(name.read_text())}


def main():
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "floors.txt"
        pinned.write_text("".join(f"{package}=={floor}\n" for package, floor in floors().items()))
        asked = [sys.executable, "-m", "pip_audit", "-r", pinned, "--no-deps", "--disable-pip", "-f", "json"]
        done = subprocess.run(asked, capture_output=True, text=True)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        sys.exit(f"expected an answer of pip-audit, got: {(done.stderr.strip() or 'nothing').splitlines()[-1]}")
    for package in found:
        if "skip_reason" in package:
            print(f"{package['name']}: not asked: {package['skip_reason']}")
        for advisory in package.get("vulns", ()):
            fixed = ", ".join(advisory["fix_versions"]) or "no release yet"
            print(f"{package['name']} {package['version']}: {advisory['id']}, fixed in {fixed}")
    sys.exit(any(package.get("vulns") or "skip_reason" in package for package in found))


if __name__ == "__main__":
    main()
