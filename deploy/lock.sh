#!/usr/bin/env bash
# Writes requirements.lock anew: exact pins with hashes, no host names. Needs uv on the PATH.
# Above the dev line stands what the service needs, below it what the checks need besides.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() {
  uv pip compile -q --generate-hashes --no-emit-index-url --no-annotate --no-header \
    --only-binary :all: --python-version 3.11 "$@"
}

compile pyproject.toml -o "$work/base.lock"
compile pyproject.toml --extra dev -c "$work/base.lock" -o "$work/all.lock"

python3 - "$work" <<'PY'
import pathlib, re, sys

work = pathlib.Path(sys.argv[1])
base = (work / "base.lock").read_text().splitlines(keepends=True)
pins = {re.match(r"\S+==\S+", line).group() for line in base if re.match(r"\S+==", line)}
extra, keep = [], False
for line in (work / "all.lock").read_text().splitlines(keepends=True):
    if found := re.match(r"\S+==\S+", line):
        keep = found.group() not in pins
    if keep:
        extra.append(line)
text = (
    "# Exact pins with hashes. Made by `make lock`; the image installs only the part above"
    " the dev line.\n" + "".join(base) + "# --- dev ---\n" + "".join(extra)
)
if "://" in text:
    sys.exit("the lock names an address")
pathlib.Path("requirements.lock").write_text(text)
PY
echo "requirements.lock: $(grep -c '==' requirements.lock) pins" >&2
