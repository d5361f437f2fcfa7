#!/usr/bin/env bash
# Makes sessions/demo: 75 s of a live channel of two variants, AES-128, whose
# encoder freezes for 7 s in the middle. Recorded with this repository's isrecorder.
#
#   sessions/make-demo.sh [--force]     --force: replaces an existing demo
#
# Needs ffmpeg with libx264, node 20 or newer, and port 8080 (DEMO_PORT) of localhost.
set -eu

sessions=$(cd "$(dirname "$0")" && pwd)
repository=$(dirname "$sessions")
port=${DEMO_PORT:-8080}
force=no
for argument in "$@"; do
  case $argument in
    --force) force=yes ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
done
if [ -e "$sessions/demo" ] && [ $force = no ]; then
  echo "$sessions/demo exists; --force replaces it" >&2
  exit 1
fi

if [ -z "${PLAYERS_BIN:-}" ]; then
  cargo build --release --bins --manifest-path "$repository/Cargo.toml"
fi
bin=${PLAYERS_BIN:-${CARGO_TARGET_DIR:-$repository/target}/release}

work=$(mktemp -d "${TMPDIR:-/tmp}/isrecorder-demo-XXXXXX")
server= encoder= recorder=
finish() {
  for pid in $recorder $encoder $server; do
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT

# until_true SECONDS COMMAND...: waits for a condition
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || { echo "not in time: $*" >&2; cat "$work"/*.log >&2; exit 1; }
    sleep 0.1
  done
}

mkdir -p "$work/www/live/high" "$work/www/live/low"
node "$repository/tests/players/serve.mjs" "$work/www" "$port" live live/high live/low \
  > "$work/server.log" 2>&1 &
server=$!
until_true 10 grep -q "^http://localhost:$port" "$work/server.log"

# A clock in the picture, where this ffmpeg has fonts.
clock="drawtext=text='%{pts\:hms}':fontsize=28:x=(w-tw)/2:y=h-th-12:fontcolor=white:box=1:boxcolor=black@0.6:boxborderw=4"
ffmpeg -v quiet -f lavfi -i testsrc2=size=256x144 -vf "$clock" -frames:v 1 -f null - || clock=null

cd "$work/www/live"
head -c 16 /dev/urandom > key.bin
printf '../key.bin\nkey.bin\n' > "$work/key.info"
ffmpeg -hide_banner -loglevel warning -nostdin \
  -re -f lavfi -i testsrc2=size=256x144:rate=20 \
  -re -f lavfi -i "aevalsrc=0.2*sin(2*PI*(220+20*floor(mod(t\,8)))*t)*exp(-3*mod(t\,1)):s=44100" \
  -filter_complex "[0:v]$clock,split[high][full];[full]scale=160:90[low]" \
  -map '[high]' -map 1:a -map '[low]' -map 1:a \
  -c:v libx264 -preset medium -profile:v main -pix_fmt yuv420p -threads 1 \
  -g 40 -keyint_min 40 -sc_threshold 0 \
  -b:v:0 50k -maxrate:v:0 60k -bufsize:v:0 60k -b:v:1 35k -maxrate:v:1 40k -bufsize:v:1 40k \
  -c:a aac -b:a 24k -ac 1 \
  -f hls -hls_time 2 -hls_list_size 6 -hls_flags temp_file+independent_segments+program_date_time \
  -hls_key_info_file "$work/key.info" -master_pl_name main.m3u8 \
  -var_stream_map 'v:0,a:0,name:high v:1,a:1,name:low' \
  -hls_segment_filename '%v/seg%03d.ts' '%v/live.m3u8' > "$work/ffmpeg.log" 2>&1 &
encoder=$!
has_segments() { [ "$(grep -c EXTINF low/live.m3u8 2>/dev/null)" = 6 ]; }
until_true 30 has_segments

"$bin/isrecorder" -o "$work/sessions" -s demo --duration 75s \
  "http://localhost:$port/live/main.m3u8" > "$work/isrecorder.log" 2>&1 &
recorder=$!
sleep 35
kill -STOP $encoder
sleep 7
kill -CONT $encoder
wait $recorder || { cat "$work/isrecorder.log" >&2; exit 1; }
recorder=
cat "$work/isrecorder.log"

kept=$(du -sb --apparent-size "$work/sessions/demo" | cut -f1)
left=$(ls -A "$work/sessions/demo" | tr '\n' ' ')
gaps=$("$bin/adjacent-find" -f "$work/sessions" demo)
[ "$left" = 'chunks session.db session.sum ' ] || { echo "more than a session: $left" >&2; exit 1; }
[ "$kept" -le 3000000 ] || { echo "too large: $kept bytes" >&2; exit 1; }
case $gaps in
  *'Find time difference'*) echo "$gaps" | grep 'Find time difference' ;;
  *) echo "adjacent-find shows no gap" >&2; exit 1 ;;
esac
rm -rf "$sessions/demo"
mv "$work/sessions/demo" "$sessions/demo"
echo "sessions/demo: $kept bytes"
