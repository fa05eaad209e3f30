"""Write down every statement of a release, to be held against later schemas.

    python tests/upgrade/freeze.py <commit> > tests/upgrade/previous.sql

What has gaps that the code fills is left out.
"""

import re
import subprocess
import sys

STORE = "services/assistant/store"
BLOCK = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)
WHOLE = re.compile(r"\s*(--[^\n]*\n\s*)*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")


def main(commit: str) -> None:
    files = _git("ls-tree", "--name-only", commit, f"{STORE}/").split()
    last = max(_git("ls-tree", "--name-only", commit, f"{STORE}/migrations/").split())
    number = int(last.rpartition("/")[2].partition("_")[0])
    print(f"-- The statements of commit {commit}, whose last migration has the number {number}.")
    for file in sorted(files):
        family, _, ending = file.rpartition("/")[2].partition(".")
        if ending == "sql":
            for name, sql in BLOCK.findall(_git("show", f"{commit}:{file}")):
                if WHOLE.match(sql) and not re.search(r"\{\w+\}", sql):
                    print(f"\n-- name: {family}_{name}\n{sql.strip()}")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main(sys.argv[1])
