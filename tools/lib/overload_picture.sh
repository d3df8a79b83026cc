#!/usr/bin/env bash
# Draws what tests/fault/chaos/overload.py wrote. Usage: overload_picture.sh FILE > PICTURE.svg
set -euo pipefail
gnuplot << END
set terminal svg size 900,520 font "sans-serif,12" background "white"
set multiplot layout 2,1
set xlabel "minutes"
set grid
set key outside right
set ylabel "resident MiB"
set yrange [0:*]
plot for [i=0:1] "$1" using (\$1/60):(column(3+i)) with lines title "api_server " . i, \
     for [i=0:1] "$1" using (\$1/60):(column(5+i)) with lines title "payload_worker " . i
set ylabel "tasks, calls"
plot "$1" using (\$1/60):7 with lines title "open tasks", \
     "" using (\$1/60):(\$9) with lines title "calls refused"
END
