# Progress of long steps, for the scripts here to source: a bar with the time left on a terminal, a
# line for every tenth elsewhere.
#
#   progress_begin LABEL; progress_update DONE TOTAL ...; progress_end

progress_drawn=false

# 75 -> 1:15
progress_time() { printf '%d:%02d' "$(($1 / 60))" "$(($1 % 60))"; }

progress_begin() {
  progress_label=$1
  progress_started=$SECONDS
  progress_tenth=-1
  progress_drawn=false
}

# The time left is that of the part done so far, carried on.
progress_update() {
  local done=$1 total=$2 percent left='' bar='' i
  [ "$total" -gt 0 ] || return 0
  [ "$done" -le "$total" ] || done=$total
  percent=$((100 * done / total))
  local passed=$((SECONDS - progress_started))
  if [ "$done" -gt 0 ] && [ "$passed" -gt 0 ]; then
    left="  ETA $(progress_time $((passed * (total - done) / done)))"
  fi
  if [ -t 1 ]; then
    for ((i = 0; i < 30; i++)); do
      if [ "$((i * total))" -lt "$((30 * done))" ]; then bar+='#'; else bar+='.'; fi
    done
    printf '\r\033[K   %s [%s] %3d%%  %s%s' "$progress_label" "$bar" "$percent" \
      "$(progress_time "$passed")" "$left"
    progress_drawn=true
  elif [ "$((percent / 10))" -gt "$progress_tenth" ]; then
    progress_tenth=$((percent / 10))
    printf '   %s %d%%  %s%s\n' "$progress_label" "$percent" "$(progress_time "$passed")" "$left"
  fi
}

progress_end() {
  if $progress_drawn; then printf '\r\033[K'; fi
}
