#!/usr/bin/env bash
# Generates the code of proto/, in Python and in C. Usage: tools/gen.sh [OUT | --check]
# OUT is the root of a tree, this one by default; --check fails when what lies here is not fresh.
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")
python=libs/omega_proto/src
c=libs/omega_sdk/generated
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ "${1:-}" = --check ]; then
  out=$scratch/tree
else
  out=$(realpath -m "${1:-$root}")
fi
cd "$root"
PATH=$PWD/.venv/bin:$PATH
protoc() { .venv/bin/python -m grpc_tools.protoc -I proto "$@"; }

rm -rf "${out:?}/$python/omega" "${out:?}/$c"
mkdir -p "$out/$python/omega" "$out/$c"
# shellcheck disable=SC2046
protoc --python_out="$out/$python" --grpc_python_out="$out/$python" \
  --mypy_out=quiet:"$out/$python" --mypy_grpc_out=quiet:"$out/$python" \
  $(find proto/omega -name '*.proto' | sort)
# TVs reach this one by the Connect protocol too.
protoc --connectrpc_out="$out/$python" --connectrpc_opt=protobuf=google \
  proto/omega/sync/v1/sync_service.proto
touch "$out/$python/omega/py.typed"

# What firmware calls, and all that it needs; sizes come from the bounds that proto/ states.
brains=(omega/brain/v1/{brain_service,sync_stats}.proto omega/common/v1/{content,context,resource}.proto)
protoc --include_imports --include_source_info --descriptor_set_out="$scratch/set" "${brains[@]}"
.venv/bin/python tools/nanopb_options.py "$scratch/set" libs/omega_sdk/messages.conf \
  > "$out/$c/messages.options"
protoc --nanopb_out="$out/$c" --nanopb_opt="-q -f$out/$c/messages.options" \
  "${brains[@]}" google/protobuf/{timestamp,duration}.proto

if [ "${1:-}" = --check ]; then
  diff -r --exclude=__pycache__ "$python/omega" "$out/$python/omega"
  diff -r "$c" "$out/$c"
fi
