#!/usr/bin/env bash
# Fetches the web assets of dashboards/static/vendor/manifest.json again and checks their hashes.
# Needs npm on the PATH. A hash that differs stops it before the file is replaced.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -c '
import json
for one in json.load(open("dashboards/static/vendor/manifest.json"))["files"]:
    print(one["package"], one["version"], one["path"], one["file"], one["sha256"], sep="\t")
' > "$work/files.tsv"

while IFS=$'\t' read -r package version path file sha256; do
  folder="$work/${package//\//_}@$version"
  if [ ! -d "$folder" ]; then
    mkdir -p "$folder"
    archive=$(cd "$folder" && npm pack --silent "$package@$version")
    tar -xzf "$folder/$archive" -C "$folder"
  fi
  echo "$sha256  $folder/package/$path" | sha256sum --check --quiet
  mkdir -p "$(dirname "$file")"
  cp "$folder/package/$path" "$file"
  echo "$file: $package $version" >&2
done < "$work/files.tsv"
