#!/usr/bin/env bash
# Draws what tests/fault/chaos/gauges.py wrote. Usage: steady_picture.sh FILE > PICTURE.svg
set -euo pipefail
gnuplot << END
set terminal svg size 900,1000 font "sans-serif,12" background "white"
set datafile separator ","
set key autotitle columnheader outside right
set multiplot layout 4,1
set xlabel "minutes"
set grid
set yrange [0:*]
processes = "api_server-0 api_server-1 worker-0 worker-1 worker-2"
set ylabel "resident MiB"
plot for [name in processes] "$1" using (column("seconds")/60):(column(name . " MiB")) with lines title name noenhanced
set ylabel "descriptors"
plot for [name in processes] "$1" using (column("seconds")/60):(column(name . " descriptors")) with lines title name noenhanced
set ylabel "tables with indexes, MiB"
plot for [name in "payloads tasks payload_output deployments request_ids audit_events"] \
  "$1" using (column("seconds")/60):(column(name . " MiB")) with lines title name noenhanced
set ylabel "rows"
plot "$1" using (column("seconds")/60):(column("payloads")) with lines title "payloads kept", \
     "" using (column("seconds")/60):(column("open tasks")) with lines title "open tasks"
END
