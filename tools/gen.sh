#!/usr/bin/env bash
# Generates the code of proto/. Usage: tools/gen.sh [OUT | --check]
# OUT is libs/omega_proto/src by default; --check fails when what lies there is not fresh.
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")
committed=$root/libs/omega_proto/src
if [ "${1:-}" = --check ]; then
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
else
  out=$(realpath -m "${1:-$committed}")
fi
cd "$root"
bin=.venv/bin
rm -rf "$out/omega"
mkdir -p "$out/omega"
# shellcheck disable=SC2046
PATH="$PWD/$bin:$PATH" "$bin/python" -m grpc_tools.protoc -I proto \
  --python_out="$out" --grpc_python_out="$out" --mypy_out=quiet:"$out" --mypy_grpc_out=quiet:"$out" \
  $(find proto/omega -name '*.proto' | sort)
# TVs reach this one by the Connect protocol too.
PATH="$PWD/$bin:$PATH" "$bin/python" -m grpc_tools.protoc -I proto \
  --connectrpc_out="$out" --connectrpc_opt=protobuf=google proto/omega/sync/v1/sync_service.proto
touch "$out/omega/py.typed"
if [ "${1:-}" = --check ]; then
  diff -r --exclude=__pycache__ "$committed/omega" "$out/omega"
fi
