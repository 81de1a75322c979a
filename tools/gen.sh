#!/usr/bin/env bash
# Regenerates libs/omega_proto from proto/. `make gen` must leave no diff.
set -euo pipefail
cd "$(dirname "$0")/.."
out=libs/omega_proto/src
bin=.venv/bin
rm -rf "$out/omega"
mkdir -p "$out/omega"
# shellcheck disable=SC2046
PATH="$PWD/$bin:$PATH" "$bin/python" -m grpc_tools.protoc -I proto \
  --python_out="$out" --grpc_python_out="$out" --mypy_out=quiet:"$out" --mypy_grpc_out=quiet:"$out" \
  $(find proto/omega -name '*.proto' | sort)
touch "$out/omega/py.typed"
